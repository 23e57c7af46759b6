"""Tiles of an archive, made from a survey in memory."""

import pandas as pd
import pyarrow as pa

from workflow_scripts.surveys.archive import TILE_SCHEMA, fetch_batches, write_batches
from workflow_scripts.surveys.survey import Survey


def fetch_tile(survey: Survey, requests: pd.DataFrame, size_px: int | None) -> pa.Table:
    return pa.Table.from_batches(fetch_batches(survey, requests, size_px), schema=TILE_SCHEMA)


def write_tile(path, survey: Survey, requests: pd.DataFrame, size_px: int | None, record=None) -> pa.Table:
    """Fetch and write a tile; its ledger."""
    return write_batches(path, fetch_batches(survey, requests, size_px), record or {}, lambda ledger: None)
