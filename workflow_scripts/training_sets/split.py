"""The one split of the galaxies, and draws that depend on nothing but a galaxy's id.

A small module, because steps that need no more than this (the simulated survey, the catalog) would otherwise run again
for every change of how training sets are drawn.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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


def split(source_ids: Iterable[str], annotation_fraction: float, salt: str) -> NDArray[np.object_]:
    """`training` or `annotation` for every id; depends on the id and the salt alone, never on the other rows."""
    return np.where(hash_fractions(source_ids, salt) < annotation_fraction, ANNOTATION, TRAINING).astype(object)


def training_pool(galaxies: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """Galaxies of the training split that have a label and, by the ledger's `outcome`, a delivered image."""
    delivered = ledger.loc[ledger["outcome"] == "delivered", "source_id"]
    usable = (galaxies["split"] == TRAINING) & galaxies["label"].notna() & galaxies["source_id"].isin(delivered)
    return galaxies[usable].astype({"label": "int8"})
