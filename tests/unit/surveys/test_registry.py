"""The kinds of surveys: known without heavy imports, and opened alike."""

import dataclasses
import subprocess
import sys

import pandas as pd
import pytest

from tests.integration.network_campaign import REPOSITORY
from workflow_scripts.errors import InputError
from workflow_scripts.fetch_cutouts import with_defaults
from workflow_scripts.surveys.local import LocalSurvey
from workflow_scripts.surveys.registry import (
    KINDS,
    catalog_columns,
    client_of,
    expected_size,
    kind_of,
    open_survey,
    pixels_of_cutout,
)
from workflow_scripts.surveys.simulated.simulated_survey import SimulatedSurvey
from workflow_scripts.surveys.survey import OUTCOMES, CutoutResult

# What a kind needs beside its defaults.
NEEDED = {"hips2fits": {"hips": "CDS/P/SDSS9/color", "cutout": {"size_px": 64, "pixel_scale_arcsec": 0.4}}}
CUTOUT = {"size_px": 24, "pixel_scale_arcsec": 0.4, "bands": "gri", "encoding": "jpeg", "jpeg_quality": 90}
ENTRIES = {
    "simulated": {"kind": "simulated", "cutout": CUTOUT},
    "local": {"kind": "local", "file_column": "file", "path": "images", "cutout": CUTOUT},
}


def test_outcomes_are_the_four_of_the_ledger():
    assert OUTCOMES == ("delivered", "no_coverage", "rejected", "failed")


def test_a_result_cannot_be_changed():
    result = CutoutResult("a", "failed", "why", None, "", "url", 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.outcome = "delivered"  # type: ignore[misc]


@pytest.mark.parametrize("kind", ENTRIES)
def test_opening_gives_the_kind_with_no_results_for_no_requests(kind, tmp_path):
    survey = open_survey(ENTRIES[kind], truth=str(tmp_path / "truth.parquet"), images=str(tmp_path))
    assert isinstance(survey, {"simulated": SimulatedSurvey, "local": LocalSurvey}[kind])
    nothing = pd.DataFrame({"source_id": pd.Series(dtype=str), "ra": [], "dec": []})
    assert list(survey.cutouts(nothing)) == []


def test_only_a_survey_that_renders_or_requests_a_size_declares_it():
    assert expected_size(ENTRIES["simulated"]) == 24
    assert expected_size(ENTRIES["local"]) is None


def test_facts_need_no_numerical_and_no_http_package():
    """Snakemake reads them whenever it starts."""
    program = "import sys, workflow_scripts.surveys.registry; print({'numpy', 'pandas', 'aiohttp'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_every_downloaded_kind_has_a_client():
    for kind, facts in KINDS.items():
        if facts.downloaded:
            client = client_of(with_defaults({"kind": kind, **NEEDED.get(kind, {"cutout": {"size_px": 64}})}))
            assert client.urls


def test_what_a_cutout_takes():
    bands = {"kind": "panstarrs", "format": "fits", "bands": ["i", "r", "g"], "cutout": {"size_px": 10}}
    assert [kind_of(bands).requests(entry) for entry in (bands, {**bands, "format": "jpeg"})] == [3, 1]
    assert [pixels_of_cutout(bands), pixels_of_cutout(ENTRIES["local"])] == [100, 1]
    assert [catalog_columns(ENTRIES["local"]), catalog_columns(ENTRIES["simulated"])] == [["file"], []]
    scaled = {**bands, "cutout": {"pixel_scale_arcsec": {"column": "radius", "times": 0.02}}}
    assert catalog_columns(scaled) == ["radius"]


def test_an_unknown_kind_is_named_with_those_that_are_known():
    with pytest.raises(InputError, match="kind 'sdds' is not known, expected simulated, local, sdss"):
        kind_of({"kind": "sdds"})
