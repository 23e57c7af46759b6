"""All tests on all skies of one step and mask: a row for every mock and test."""

import logging
from itertools import chain

import numpy as np
import pandas as pd

from workflow_scripts.calibration_mocks.findings import Finding
from workflow_scripts.calibration_mocks.label_tests import label_findings
from workflow_scripts.calibration_mocks.ladder import LADDER, Variant, mock_skies, variants_of
from workflow_scripts.calibration_mocks.masks import MASKS, MockPositions, mock_positions
from workflow_scripts.calibration_mocks.paired_tests import paired_findings
from workflow_scripts.calibration_mocks.truth_tests import truth_findings
from workflow_scripts.errors import InputError

GALAXIES = 20_000
# Skies whose pixels are held at once.
_MOCKS_AT_ONCE = 500
COLUMNS = tuple(Finding.__dataclass_fields__)

log = logging.getLogger(__name__)


def run_battery(mask: str, step: str, mocks: int, seed: int, galaxies: int = GALAXIES) -> pd.DataFrame:
    """Findings of `mocks` skies of every variant of a step on a mask.

    Returns
    -------
    DataFrame
        `variant`, `dipole` (the D put in), `mock`, and the fields of `Finding`.

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
        seeds = np.random.SeedSequence([*cell, start]).generate_state(4).tolist()
        skies = mock_skies(variant, positions, number, seeds[0])
        batteries = [
            label_findings(positions, skies, seeds[1]),
            paired_findings(positions, skies, seeds[2]),
            truth_findings(positions, skies, seeds[3]),
        ]
        for mock, found in enumerate(zip(*batteries, strict=True), start):
            rows += [(mock, *(getattr(finding, name) for name in COLUMNS)) for finding in chain(*found)]
    table = pd.DataFrame(rows, columns=["mock", *COLUMNS])
    table.insert(0, "variant", variant.name)
    table.insert(1, "dipole", variant.dipole)
    return table
