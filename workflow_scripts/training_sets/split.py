"""The one split of the galaxies, with neighbours on one side, and draws that depend on nothing but a galaxy's id.

A small module, because steps that need no more than this (the simulated survey, the catalog) would otherwise run again
for every change of how training sets are drawn.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from workflow_scripts.sky.unit_vectors import unit_vectors

TRAINING, ANNOTATION = "training", "annotation"


def hash_fractions(source_ids: Iterable[str], salt: str) -> NDArray[np.float64]:
    """A number in [0, 1) for every id, from a 64-bit BLAKE2b digest of `salt` and the id."""
    base = hashlib.blake2b(salt.encode() + b"\0", digest_size=8)
    digests = bytearray()
    for source_id in source_ids:
        digest = base.copy()
        digest.update(str(source_id).encode())
        digests += digest.digest()
    # 53 bits, so that the largest value stays below 1 as a double.
    return (np.frombuffer(bytes(digests), ">u8") >> np.uint64(11)).astype(np.float64) / 2.0**53


def split(
    source_ids: Iterable[str], annotation_fraction: float, salt: str, groups: NDArray[np.int_] | None = None
) -> NDArray[np.object_]:
    """`training` or `annotation` for every id; depends on the id and the salt alone, never on the other rows.

    Members of a group (`groups` has its number for every id, as `close_groups` gives them) are on one side: that of the
    smallest id among them, so that no side gets more than its share.
    """
    ids = np.asarray(list(source_ids), object)
    sides = np.where(hash_fractions(ids, salt) < annotation_fraction, ANNOTATION, TRAINING).astype(object)
    if groups is None:
        return sides
    # Most galaxies are alone; only the others are sorted.
    together = np.flatnonzero(np.bincount(groups)[groups] > 1) if len(groups) else np.array([], int)
    order = together[np.lexsort((ids[together].astype(str), groups[together]))]
    _, first, member = np.unique(groups[order], return_index=True, return_inverse=True)
    sides[order] = sides[order[first]][member]
    return sides


def close_groups(ra: NDArray[np.float64], dec: NDArray[np.float64], radius_arcsec: float) -> NDArray[np.int_]:
    """The number of the group of every position (ICRS degrees): friends of friends closer than a radius."""
    # Equal positions first: a placeholder that thousands share would give millions of pairs.
    place = pd.DataFrame({"ra": ra, "dec": dec}).groupby(["ra", "dec"], sort=False).ngroup().to_numpy()
    first = np.unique(place, return_index=True)[1]
    vectors = unit_vectors(np.asarray(ra)[first], np.asarray(dec)[first])
    chord = 2 * np.sin(np.radians(radius_arcsec / 3600) / 2)
    pairs = cKDTree(vectors).query_pairs(chord, output_type="ndarray")
    links = coo_array((np.ones(len(pairs), bool), tuple(pairs.T)), shape=(len(first), len(first)))
    return connected_components(links, directed=False)[1][place]


def training_pool(galaxies: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """Galaxies of the training split that have a label and, by the ledger's `outcome`, a delivered image."""
    delivered = ledger.loc[ledger["outcome"] == "delivered", "source_id"]
    usable = (galaxies["split"] == TRAINING) & galaxies["label"].notna() & galaxies["source_id"].isin(delivered)
    return galaxies[usable].astype({"label": "int8"})
