"""FITS files that nobody vouches for: whatever astropy says of them is one error, and they must be whole."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from astropy.io import fits

from workflow_scripts.errors import first_line
from workflow_scripts.images.undecodable import UndecodableImageError


@contextmanager
def reading_fits() -> Iterator[None]:
    """Everything that is raised within, or only warned of in the case of a short file, is `UndecodableImageError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # astropy only warns of a file that is shorter than its header says.
            warnings.filterwarnings("error", message=".*truncated")
            yield
    except UndecodableImageError:
        raise
    except Exception as error:  # a lying header can make astropy raise almost anything
        raise UndecodableImageError(f"not a whole FITS file: {first_line(error)}") from None


@contextmanager
def whole_fits(data: bytes, **options: Any) -> Iterator[fits.HDUList]:
    """The HDUs of a file that ends where its headers say; call it within `reading_fits`, whose error is raised else."""
    with fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=False, **options) as hdus:
        yield hdus
        end = max(hdu.fileinfo()["datLoc"] + hdu.fileinfo()["datSpan"] for hdu in hdus)
        if end != len(data):
            raise UndecodableImageError(f"a FITS file of {len(data)} bytes whose header says {end}")
