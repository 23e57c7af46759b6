"""The simulated survey as a survey: requests in, encoded images out."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from astropy.io import fits
from numpy.typing import NDArray
from PIL import Image

from workflow_scripts.errors import InputError
from workflow_scripts.surveys.simulated.rendering import render_galaxy
from workflow_scripts.surveys.simulated.sky_entry import FIELDS, PROPERTY_FIELDS
from workflow_scripts.surveys.survey import CutoutResult
from workflow_scripts.training_sets.split import hash_fractions

# One asinh stretch for the whole sky (Lupton et al. 2004, PASP 116, 133), in nanomaggies a square arcsec.
_SOFTENING = 0.25
_WHITE = 9.0
# Weights that make the colour of an average galaxy neutral, for i, r, g shown as red, green, blue.
_BALANCE = {"g": 1.9, "r": 1.0, "i": 0.72}


class SimulatedSurvey:
    """Renders the galaxies of a simulated sky, each from its own row of the truth and its own noise seed.

    Properties of the imaging that the entry has in `common` are those of the median of the sky for all galaxies; all
    else, the noise too, stays as it is.
    """

    def __init__(self, entry: Mapping[str, Any], truth: str | Path):
        self.cutout = dict(entry["cutout"])
        self.rendered_share = float(entry.get("rendered_share", 1.0))
        self.common = [FIELDS[PROPERTY_FIELDS[name]] for name in entry.get("common", [])]
        self.truth = Path(truth)

    def cutouts(self, requests: pd.DataFrame) -> Iterator[CutoutResult]:
        """Render the requests, or the share of them that is to be rendered.

        Raises `InputError` where a galaxy is not in the truth.
        """
        rendered = hash_fractions(requests["source_id"], "rendered") < self.rendered_share
        for source_id in requests.loc[~rendered, "source_id"]:
            yield CutoutResult(source_id, "no_coverage", "not rendered (rendered_share)", None, "", "simulated", 0)
        wanted = requests.loc[rendered, "source_id"].tolist()
        if not wanted:
            return
        sky = self._truth_of(wanted)
        if len(sky) != len(wanted):
            raise InputError(f"{self.truth}: has {len(sky)} of the {len(wanted)} galaxies requested, expected all")
        seeds = (hash_fractions(sky["source_id"], "pixel noise") * 2**53).astype(np.int64)
        for galaxy, seed in zip(sky.itertuples(index=False), seeds, strict=True):
            pixels = render_galaxy(
                galaxy,
                self.cutout["size_px"],
                self.cutout["pixel_scale_arcsec"],
                self.cutout["bands"],
                int(seed) ^ int(galaxy.sky_seed),
            )
            image, image_format = self._encoded(pixels)
            yield CutoutResult(galaxy.source_id, "delivered", "", image, image_format, "simulated", 1)

    def _truth_of(self, source_ids: list[str]) -> pd.DataFrame:
        """Rows of the truth, in its order; read group by group, for one tile is a small part of a large sky."""
        requested = pa.array(source_ids, pa.string())
        with pq.ParquetFile(self.truth) as truth:
            groups = (truth.read_row_group(number) for number in range(truth.num_row_groups))
            parts = [group.filter(pc.is_in(group["source_id"].cast(pa.string()), requested)) for group in groups]
            sky = pa.concat_tables([truth.schema_arrow.empty_table(), *parts]).to_pandas()
            medians = {name: truth.read(columns=[name])[name].to_numpy() for name in self.common}
        return sky.assign(**{name: float(np.median(values)) for name, values in medians.items()})

    def _encoded(self, pixels: NDArray[np.float32]) -> tuple[bytes, str]:
        buffer = io.BytesIO()
        if self.cutout["encoding"] == "fits":
            cube = fits.PrimaryHDU(pixels)
            cube.header["BUNIT"] = ("nmgy/arcsec2", "nanomaggies a square arcsec, AB")
            cube.header["BANDS"] = (self.cutout["bands"], "planes, in order")
            cube.header["PIXSCALE"] = (self.cutout["pixel_scale_arcsec"], "arcsec a pixel; north up, east left")
            cube.writeto(buffer)
            return buffer.getvalue(), "fits"
        # Row 0 is the south (FITS convention) but the top of a picture: unturned, galaxies would be mirror images.
        picture = Image.fromarray(asinh_picture(pixels[:, ::-1], self.cutout["bands"]))
        picture.save(buffer, format="JPEG", quality=self.cutout["jpeg_quality"], subsampling=0)
        return buffer.getvalue(), "jpeg"


def asinh_picture(pixels: NDArray[np.float32], bands: str) -> NDArray[np.uint8]:
    """Bands (n, H, W) in nanomaggies a square arcsec as uint8: (H, W, 3) with the reddest band as red, or (H, W)."""
    order = sorted(bands, key="gri".index, reverse=True)
    planes = np.stack([pixels[bands.index(band)] * _BALANCE[band] for band in order])
    intensity = planes.mean(axis=0)
    softened = np.arcsinh(np.maximum(intensity, -_SOFTENING) / _SOFTENING) / np.arcsinh(_WHITE / _SOFTENING)
    # The same factor for all bands keeps colours; where the sky is negative or near zero, it tends to its limit.
    limit = 1.0 / (_SOFTENING * np.arcsinh(_WHITE / _SOFTENING))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(np.abs(intensity) > 1e-3 * _SOFTENING, softened / intensity, limit)
    picture = np.clip(planes * factor, -0.06, 1.0)
    scaled = np.round((picture + 0.06) / 1.06 * 255).astype(np.uint8)
    return np.moveaxis(scaled, 0, -1) if len(bands) == 3 else scaled[0]
