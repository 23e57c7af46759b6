"""All tests on all skies of one step and mask: a row for every mock and test."""

import logging
from dataclasses import astuple, fields

import numpy as np
import pandas as pd

from workflow_scripts.calibration_mocks.claims import Finding
from workflow_scripts.calibration_mocks.label_tests import LABELS
from workflow_scripts.calibration_mocks.mock_skies import (
    LADDER,
    MASKS,
    MockPositions,
    Variant,
    mock_positions,
    mock_skies,
    variants_of,
)
from workflow_scripts.calibration_mocks.network_tests import PAIRS, SCORES
from workflow_scripts.errors import InputError

GALAXIES = 20_000
BATTERIES = (LABELS, PAIRS, SCORES)
# Every test of the sky that is calibrated, and its claim.
CLAIMS = {name: claim for battery in BATTERIES for test in battery.tests for name, claim in test.claims.items()}
# Skies whose pixels are held at once.
_MOCKS_AT_ONCE = 500

log = logging.getLogger(__name__)


def run_battery(mask: str, step: str, mocks: int, seed: int, galaxies: int = GALAXIES) -> pd.DataFrame:
    """Findings of `mocks` skies of every variant of a step on a mask.

    Returns
    -------
    DataFrame
        `variant`, `dipole` (the D put in), `mock`, `test`, and the fields of `Finding`.

    Raises
    ------
    InputError
        for a mask or step that is not known, or fewer than one mock.
    """
    if mocks < 1:
        raise InputError(f"--mocks: {mocks} is too few, expected 1 or more")
    variants = variants_of(step)
    positions = mock_positions(mask, galaxies, seed)
    tables = []
    for number, variant in enumerate(variants):
        # Every cell of mask, step and variant has its own sequence of random numbers.
        cell = (seed, list(MASKS).index(mask), list(LADDER).index(step), number)
        tables.append(_of_variant(variant, positions, mocks, cell))
        log.info("%s, %s: %d mocks", mask, variant.name, mocks)
    return pd.concat(tables, ignore_index=True)


def _of_variant(variant: Variant, positions: MockPositions, mocks: int, cell: tuple[int, ...]) -> pd.DataFrame:
    rows: list[tuple] = []
    for start in range(0, mocks, _MOCKS_AT_ONCE):
        number = min(_MOCKS_AT_ONCE, mocks - start)
        first, *others = np.random.SeedSequence([*cell, start]).generate_state(1 + len(BATTERIES)).tolist()
        skies = mock_skies(variant, positions, number, first)
        drawn = [battery.draw(positions, skies, seed) for battery, seed in zip(BATTERIES, others, strict=True)]
        for sky, of_sky in enumerate(zip(*drawn, strict=True), start):
            for battery, mock in zip(BATTERIES, of_sky, strict=True):
                rows += [(sky, name, *astuple(finding)) for test in battery.tests for name, finding in test.on(mock)]
    table = pd.DataFrame(rows, columns=["mock", "test", *(field.name for field in fields(Finding))])
    table.insert(0, "variant", variant.name)
    table.insert(1, "dipole", variant.dipole)
    return table
