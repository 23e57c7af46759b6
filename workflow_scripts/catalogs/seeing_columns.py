"""Which column of a table is the seeing: under the name that skybias gives it, or under one of the user's own."""

import re
from collections.abc import Iterable

SEEING_COLUMN = "psf_fwhm_arcsec"
# psf_fwhm, PSFFWHM_R, fwhm_psf, psfsize_r, seeing, ...
_OWN_NAME = re.compile(r"seeing|psf_?(fwhm|size|width)|fwhm_?psf", re.IGNORECASE)


def seeing_column(names: Iterable[str]) -> str | None:
    """The column of the seeing among the `names` of columns, None where there is none; of several, the first."""
    listed = list(names)
    if SEEING_COLUMN in listed:
        return SEEING_COLUMN
    return next((name for name in listed if _OWN_NAME.search(name)), None)


def seeing_in_words(column: str) -> tuple[str, str]:
    """What a column of the seeing is, and its unit where its name tells it."""
    what = "PSF FWHM" if column == SEEING_COLUMN else column
    return what, "arcsec" if "arcsec" in column.lower() else "in the catalog's unit"
