"""Run the audit as users do, with few random skies."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.audit import main, parser
from workflow_scripts.errors import InputError
from workflow_scripts.sky.unit_vectors import unit_vectors


def run_audit(catalog: Path, output: Path, *options: str) -> dict:
    """The summary of an audit; `options` are those of the command line."""
    arguments = parser.parse_args([str(catalog), "--output", str(output), "--permutations", "199", *options])
    main(arguments)
    return json.loads((output / "summary.json").read_text())


def message(catalog: Path, output: Path, *options: str) -> str:
    """The sentence with which an audit stops; nothing may be left behind."""
    with pytest.raises(InputError) as stopped:
        run_audit(catalog, output, *options)
    assert not output.exists()
    text = str(stopped.value)
    assert "\n" not in text
    assert str(catalog) in text or "--" in " ".join([text, *options])
    return text


def by_name(summary: dict) -> dict[str, dict]:
    """Tests by name; names are unique."""
    found = {test["name"]: test for test in summary["tests"]}
    assert len(found) == len(summary["tests"])
    return found


def galaxies(n: int = 3000, dipole: float = 0.0, seed: int = 5) -> pd.DataFrame:
    """A sky north of -20 degrees on which the fraction of spirals rises along (RA 60, Dec 20)."""
    random = np.random.default_rng(seed)
    ra, dec = random.uniform(0, 360, n), np.degrees(np.arcsin(random.uniform(-0.34, 1, n)))
    fraction = 0.6 + dipole * unit_vectors(ra, dec) @ unit_vectors(60.0, 20.0)
    truth = random.random(n) < fraction
    wrong = random.random(n) < 0.1
    table = {"ra": ra, "dec": dec, "label": np.where(truth, "spiral", "elliptical")}
    table["second"] = np.where(truth ^ wrong, "spiral", "elliptical")
    table["seeing"] = 1.2 + 0.1 * random.normal(size=n)
    return pd.DataFrame(table | {"score": np.where(truth, 0.8, 0.3)})
