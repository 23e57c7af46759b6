"""From the values of a Pan-STARRS stack to nanomaggies."""

import math

import numpy as np
import pytest
from astropy.io.fits import Header

from workflow_scripts.images.stack_counts import nanomaggies
from workflow_scripts.images.undecodable import UndecodableImageError

FLUX = np.array([[-0.3, 0.0, 0.02], [1.0, 55.5, 4e4]], np.float32)


def test_magnitude_25_is_one_count_a_second():
    magnitude = 22.5 - 2.5 * math.log10(nanomaggies(np.float32([700.0]), Header([("EXPTIME", 700)]))[0])
    assert magnitude == pytest.approx(25)


@pytest.mark.parametrize(("exposure", "softening", "offset"), [(300, 20.5, 5.0), (1100.5, 3.0, -2.0)])
def test_depth_and_scaling_of_a_stack_leave_no_trace(exposure, softening, offset):
    counts = FLUX.astype(float) * 10 * exposure
    cards = [("EXPTIME", exposure), ("BSOFTEN", softening), ("BOFFSET", offset)]
    # As the survey's pipeline writes stacks: 2.5 log10(e) asinh((L - BOFFSET) / (2 BSOFTEN)).
    scaled = 2.5 * math.log10(math.e) * np.arcsinh((counts - offset) / (2 * softening))
    np.testing.assert_allclose(nanomaggies(scaled.astype(np.float32), Header(cards)), FLUX, rtol=2e-5, atol=1e-4)
    np.testing.assert_allclose(nanomaggies(counts.astype(np.float32), Header(cards[:1])), FLUX, rtol=1e-6)


def test_pixels_without_a_measurement_stay_without():
    cards = [("EXPTIME", 10.0), ("BSOFTEN", 1.0), ("BOFFSET", 0.0)]
    values = np.float32([np.nan, 1e30])
    assert np.isnan(nanomaggies(values, Header(cards))[0])
    assert np.isinf(nanomaggies(values, Header(cards))[1])


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ([], "EXPTIME of the FITS header is None, expected a number"),
        ([("EXPTIME", "long")], "EXPTIME .* is 'long', expected a number"),
        ([("EXPTIME", True)], "EXPTIME .* is True"),
        ([("EXPTIME", 0.0)], "EXPTIME .* is 0.0, expected more than 0"),
        ([("EXPTIME", 10), ("BSOFTEN", 1.0)], "BOFFSET .* is None"),
        ([("EXPTIME", 10), ("BOFFSET", 1.0)], "BSOFTEN .* is None"),
        ([("EXPTIME", 10), ("BOFFSET", 1.0), ("BSOFTEN", -1.0)], "BSOFTEN .* more than 0"),
    ],
)
def test_headers_without_what_is_needed(cards, message):
    with pytest.raises(UndecodableImageError, match=message):
        nanomaggies(FLUX, Header(cards))
