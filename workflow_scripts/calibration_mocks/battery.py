"""All tests on all skies of one step and mask: a row for every mock and test."""

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
)
from workflow_scripts.calibration_mocks.network_tests import PAIRS, SCORES
from workflow_scripts.errors import InputError
from workflow_scripts.progress import Progress
from workflow_scripts.tables import read_table, recorded_config

GALAXIES = 20_000
BATTERIES = (LABELS, PAIRS, SCORES)
# Every test of the sky that is calibrated, and its claim.
CLAIMS = LABELS.claims | PAIRS.claims | SCORES.claims
# Skies whose pixels are held at once.
_MOCKS_AT_ONCE = 500


def run_battery(mask: str, step: str, mocks: int, seed: int, galaxies: int = GALAXIES) -> pd.DataFrame:
    """Findings of `mocks` skies of every variant of a step on a mask.

    Returns
    -------
    DataFrame
        `variant`, `dipole` (the D put in), `mock`, `test`, and the fields of `Finding`.

    Raises
    ------
    InputError
        for fewer than one mock, or too few galaxies.
    """
    if mocks < 1:
        raise InputError(f"--mocks: {mocks} is too few, expected 1 or more")
    positions = mock_positions(mask, galaxies, seed)
    tables = []
    with Progress(f"{mask}, {step}", mocks * len(LADDER[step]), "mock skies") as progress:
        for number, variant in enumerate(LADDER[step]):
            # Every cell of mask, step and variant has its own sequence of random numbers.
            cell = (seed, list(MASKS).index(mask), list(LADDER).index(step), number)
            tables.append(_of_variant(variant, positions, mocks, cell, progress))
    return pd.concat(tables, ignore_index=True)


def _of_variant(
    variant: Variant, positions: MockPositions, mocks: int, cell: tuple[int, ...], progress: Progress
) -> pd.DataFrame:
    rows: list[tuple] = []
    of_variant = (variant.name, variant.dipole)
    for start in range(0, mocks, _MOCKS_AT_ONCE):
        number = min(_MOCKS_AT_ONCE, mocks - start)
        first, *others = np.random.SeedSequence([*cell, start]).generate_state(1 + len(BATTERIES)).tolist()
        skies = mock_skies(variant, positions, number, first)
        drawn = [battery.draw(positions, skies, seed) for battery, seed in zip(BATTERIES, others, strict=True)]
        for sky, of_sky in enumerate(zip(*drawn, strict=True), start):
            for battery, mock in zip(BATTERIES, of_sky, strict=True):
                rows += [(*of_variant, sky, name, *finding) for name, finding in battery.findings(mock)]
            progress.add()
    return pd.DataFrame(rows, columns=["variant", "dipole", "mock", "test", *Finding._fields])


def read_findings(path: str) -> tuple[str, str, pd.DataFrame]:
    """Mask, step and findings of a file of `calibrate_sky_tests`; `InputError` for any other file."""
    findings, config = read_table(path), recorded_config(path)
    if not {"mask", "step"} <= set(config):
        raise InputError(f"{path}: does not record its mask and step, expected a file of calibrate_sky_tests")
    return config["mask"], config["step"], findings
