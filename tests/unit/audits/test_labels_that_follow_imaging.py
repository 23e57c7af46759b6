"""Labels that follow the imaging: their dipole is not that of the sky alone, and the headline has both."""

import html
import re

import numpy as np
import pytest

from tests.unit.audits.audited import galaxies, run_audit
from workflow_scripts.sky.unit_vectors import unit_vectors

TOWARDS = r"towards \(RA \d+°, Dec [+-]\d+°\)"


def audited(folder, follows: float, dipole: float) -> dict:
    """An audit of spirals missed in bad seeing, which is worst towards (RA 200, Dec -10), beside a true dipole."""
    table, random = galaxies(12_000), np.random.default_rng(8)
    towards = unit_vectors(table["ra"], table["dec"])
    seeing = towards @ unit_vectors(200.0, -10.0) + random.normal(size=len(table))
    share = 0.5 + dipole * towards @ unit_vectors(60.0, 20.0) - follows * np.clip(seeing, -3, 3)
    table["label"] = np.where(random.random(len(table)) < share, "spiral", "elliptical")
    table["seeing"] = 1.2 + 0.1 * seeing
    table.to_csv(folder / "c.csv", index=False)
    return run_audit(
        folder / "c.csv", folder / "out", "--label", "label", "--positive", "spiral", "--covariates", "seeing"
    )


@pytest.mark.parametrize(
    ("follows", "dipole", "words"),
    [
        (
            0.1,
            0.15,
            rf"dipole \d+\.\d percentage points {TOWARDS}, 1\d\.\d {TOWARDS} with seeing",
        ),
        (0.1, 0.0, r"\), (none is seen|whether one is left) with seeing regressed out"),
        (0.0, 0.15, rf"dipole 1\d\.\d percentage points {TOWARDS}\.$"),
    ],
)
def test_the_headline_has_the_dipole_with_the_imaging_taken_out(tmp_path, follows, dipole, words):
    summary = audited(tmp_path, follows, dipole)
    first = summary["answers"][0]
    assert first["answer"] == "yes"
    assert re.search(words, summary["headline"]), summary["headline"]
    said = " ".join(first["beside"])
    assert ("Labels follow seeing (adjusted p" in said) == bool(follows)
    page = html.unescape((tmp_path / "out" / "audit.html").read_text())
    assert ("this is not the dipole of the sky alone" in page) == bool(follows)
