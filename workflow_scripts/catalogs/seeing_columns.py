"""Which column of a table is the seeing: under the name that skybias gives it, or under one of the user's own."""

import re
from collections.abc import Iterable

_OURS = "psf_fwhm_arcsec"
# psf_fwhm, PSFFWHM_R, fwhm_psf, psfsize_r, seeing, ...
_OWN_NAME = re.compile(r"seeing|psf_?(fwhm|size|width)|fwhm_?psf", re.IGNORECASE)


def seeing_column(names: Iterable[str]) -> str | None:
    """The column of the seeing among the `names` of columns, None where there is none; of several, the first."""
    listed = list(names)
    if _OURS in listed:
        return _OURS
    return next((name for name in listed if _OWN_NAME.search(name)), None)


def seeing_in_words(column: str) -> str:
    """What a column of the seeing is, with its unit where its name tells it."""
    if column == _OURS:
        return "PSF FWHM (arcsec)"
    return f"{column} (arcsec)" if "arcsec" in column.lower() else f"{column} (in the catalog's unit)"
