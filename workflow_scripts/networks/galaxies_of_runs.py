"""The galaxies that a run is trained on and those that it annotates, the same for Keras and for other programs."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from workflow_scripts.class_against_rest import score_columns
from workflow_scripts.errors import InputError
from workflow_scripts.tables import read_columns


def annotation_schema(n_classes: int) -> pa.Schema:
    """Columns of annotations: `source_id, ra, dec` (ICRS degrees), scores, and `label`, the number of the class."""
    scores = dict.fromkeys(score_columns(n_classes), pa.float32())
    positions = {"source_id": pa.string(), "ra": pa.float64(), "dec": pa.float64()}
    return pa.schema({**positions, **scores, "label": pa.int8()})


def read_training_set(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Identifiers (n,) str and labels (n,) int8 of a training set; `InputError` without labels of two classes."""
    table = read_columns(path, ["source_id", "label"])
    # A missing label makes the numbers floats.
    labels = table["label"].to_numpy()
    if labels.dtype.kind not in "iu" or len(np.unique(labels)) < 2 or labels.min() < 0:
        raise InputError(f"{path}: column label is expected to hold class numbers from 0, of two classes or more")
    return table["source_id"].to_numpy().astype(object), labels.astype(np.int8)


def unlabelled_galaxies(path: str | Path) -> np.ndarray:
    """Identifiers (n,) str of a training set whose labels are of no use; `InputError` without a galaxy."""
    ids = read_columns(path, ["source_id"])["source_id"].to_numpy().astype(object)
    if not len(ids):
        raise InputError(f"{path}: has no galaxy, expected unlabelled ones")
    return ids


def seeing_of_galaxies(catalog: str | Path, source_ids: NDArray) -> tuple[NDArray, NDArray]:
    """FWHM of the PSF (arcsec) of some galaxies, in their order, and of all of the catalog where it is known.

    Raises `InputError` where it is not known of one of `source_ids`.
    """
    table = read_columns(catalog, ["source_id", "psf_fwhm_arcsec"])
    ids, fwhm = table["source_id"], table["psf_fwhm_arcsec"].to_numpy().astype(float)
    places = pc.index_in(pa.array(source_ids, pa.string()), value_set=ids).fill_null(len(ids)).to_numpy()
    own = np.append(fwhm, np.nan)[places]
    if len(unknown := np.flatnonzero(~(own > 0))):
        raise InputError(
            f"{catalog}: {len(unknown)} of {len(own)} galaxies to train on have no psf_fwhm_arcsec, such as"
            f" {source_ids[unknown[0]]}; expected it of all, to degrade images"
        )
    return own, fwhm[fwhm > 0]


def annotation_rows(catalog: str | Path, index: str | Path, training_set: str | Path | None = None) -> pa.Table:
    """The galaxies to annotate: those of the annotation split that have an image, in the order of the index.

    Gives `source_id, ra, dec` (ICRS degrees) and where the image is: `tile, row`.

    Raises
    ------
    InputError
        when there is none, or one of them is in the training set.
    """
    galaxies = read_columns(catalog, ["source_id", "ra", "dec", "split"], filters=[("split", "==", "annotation")])
    galaxies = galaxies.select(["source_id", "ra", "dec"]).combine_chunks()
    images = read_columns(index, ["source_id", "tile", "row"])
    positions = pc.index_in(images["source_id"], value_set=galaxies["source_id"])
    wanted = positions.is_valid()
    rows = galaxies.take(positions.drop_null())
    for column in ("tile", "row"):
        rows = rows.append_column(column, images[column].filter(wanted))
    if rows.num_rows == 0:
        raise InputError(f"{catalog}: no galaxy of split 'annotation' has an image in {index}")
    if training_set is not None:
        trained = read_columns(training_set, ["source_id"])["source_id"]
        shared = pc.filter(rows["source_id"], pc.is_in(rows["source_id"], value_set=trained))
        if len(shared):
            raise InputError(
                f"{training_set}: {len(shared)} galaxies to annotate are in the training set (source_id {shared[0]}"
                " is the first); expected none, since a network knows what it was trained on"
            )
    return rows


def training_sides(first: str | Path, second: str | Path) -> tuple[NDArray[np.object_], NDArray[np.int8]]:
    """Identifiers (n,) of two training sets together, and sides (n,): 1 for those of the first, 0 of the second.

    Galaxies of both are left out. Raises `InputError` where one set has no other ones.
    """
    here, there = read_training_set(first)[0], read_training_set(second)[0]
    shared = np.intersect1d(here, there)
    here, there = here[~np.isin(here, shared)], there[~np.isin(there, shared)]
    if not (len(here) and len(there)):
        raise InputError(f"{first}: has the galaxies of {second}, expected footprints that differ")
    return np.concatenate([here, there]), np.repeat(np.array([1, 0], np.int8), [len(here), len(there)])
