"""The range of imaging in which a network's training images are degraded: from the survey's images and its catalog."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.images.arrays import ImageStore
from workflow_scripts.images.imaging_range import ImagingRange, imaging_range
from workflow_scripts.networks.galaxies_of_runs import seeing_of_galaxies

# Of the 99 % level of the noise, an error of some 2 %; in processor time, a quarter of a second.
_SURVEY_IMAGES = 2000


def survey_range(
    images: NDArray[np.uint8], source_ids: NDArray, store: ImageStore, catalog: str | Path, spec: Mapping[str, Any]
) -> ImagingRange:
    """Of training images (n, H, W, C) of galaxies (n,), as a network's entry has them on its survey.

    The seeing is from the catalog, in pixels by `arcsec_per_px` of the entry; where its images are blurred
    (`blur_fwhm_px`), that is part of their own. The noise of the survey is that of up to 2,000 of its images. Raises
    `InputError` as `seeing_of_galaxies`.
    """
    own, of_survey = seeing_of_galaxies(catalog, source_ids)
    fwhm = np.hypot(own / spec["arcsec_per_px"], spec.get("blur_fwhm_px", 0))
    return imaging_range(images, fwhm, store.sample(_SURVEY_IMAGES), of_survey / spec["arcsec_per_px"])
