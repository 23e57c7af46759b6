"""The imaging of every image of a survey, as measured, and the common values that a recipe makes images alike in."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.errors import InputError
from workflow_scripts.images.common_imaging import ImagingOfImage, common_values, with_common_imaging
from workflow_scripts.tables import read_table, recorded_config
from workflow_scripts.training_sets.split import hash_fractions

COLUMNS = ("source_id", "pixel_scale_arcsec", "noise", "sky")


def joined_imaging(
    tiles: Sequence[str | Path], seeing: pd.DataFrame | None, where: str
) -> tuple[pd.DataFrame, dict[str, object]]:
    """The imaging of all tiles with `fwhm_arcsec`, and the common values: `fwhm_arcsec` (or None), `noise`, `sky`.

    `seeing` has `source_id` and `psf_fwhm_arcsec`, where images are made alike in it, and `where` that comes from.
    Raises `InputError` for galaxies without a seeing or a pixel scale, or images of different bands.
    """
    imaging = pd.concat([read_table(tile, COLUMNS) for tile in tiles], ignore_index=True)
    if imaging.empty:
        raise InputError(f"{tiles[0]}: no tile has an image, expected some")
    noise, sky = (list(map(np.asarray, imaging[name])) for name in ("noise", "sky"))
    if len({len(values) for values in noise}) > 1:
        raise InputError(f"{tiles[0]}: images have different numbers of bands, expected one to make them alike")
    fwhm = None
    if seeing is not None:
        known = pd.Series(seeing["psf_fwhm_arcsec"].to_numpy(float), index=seeing["source_id"].astype(str))
        fwhm = known.reindex(imaging["source_id"]).to_numpy()
        for what, values in (("psf_fwhm_arcsec", fwhm), ("pixel scale", imaging["pixel_scale_arcsec"].to_numpy(float))):
            if len(unknown := np.flatnonzero(~(values > 0))):
                first = imaging["source_id"].iloc[unknown[0]]
                raise InputError(
                    f"{where}: {len(unknown)} galaxies have no {what}, such as {first}; expected it of all"
                )
    common = common_values(fwhm, np.stack(noise), np.stack(sky))
    return imaging.assign(fwhm_arcsec=np.nan if fwhm is None else fwhm), dict(
        zip(
            ("fwhm_arcsec", "noise", "sky"),
            (value if value is None else np.asarray(value).tolist() for value in common),
            strict=True,
        )
    )


class ImagingTable:
    """Makes the images of a survey alike, one by one."""

    def __init__(self, path: str | Path, properties: Collection[str], source_ids: Collection[str]):
        """Read the imaging of `source_ids`; `InputError` for a table that `joined_imaging` did not make."""
        self.path, self.properties = path, properties
        table = read_table(path, [*COLUMNS, "fwhm_arcsec"]).set_index("source_id")
        self._rows = table.loc[table.index.intersection(list(source_ids))]
        self._common = recorded_config(path)
        if not {"fwhm_arcsec", "noise", "sky"} <= set(self._common):
            raise InputError(f"{path}: has no common imaging, expected the table that find_common_imaging writes")

    def alike(self, source_id: str, pixels: NDArray) -> NDArray:
        """One image with the common values; raises `InputError` for one that is not in the table or has other bands."""
        if source_id not in self._rows.index:
            raise InputError(f"{self.path}: lacks {source_id}, expected the imaging of every image")
        row = self._rows.loc[source_id]
        noise, sky = np.asarray(self._common["noise"], float), np.asarray(self._common["sky"], float)
        common_fwhm = self._common["fwhm_arcsec"]
        common = ImagingOfImage(common_fwhm and common_fwhm / row["pixel_scale_arcsec"], noise, sky)
        # An image whose corners are blank is taken to be as the others are.
        measured = (np.asarray(row[name], float) for name in ("noise", "sky"))
        own = [
            np.where(np.isfinite(values), values, other) for values, other in zip(measured, (noise, sky), strict=True)
        ]
        fwhm = row["fwhm_arcsec"] / row["pixel_scale_arcsec"] if common_fwhm else None
        seed = int(hash_fractions([source_id], "common imaging")[0] * 2**53)
        try:
            return with_common_imaging(pixels, ImagingOfImage(fwhm, *own), common, self.properties, seed)
        except ValueError as error:
            raise InputError(f"{self.path}: {source_id}: {error}") from None
