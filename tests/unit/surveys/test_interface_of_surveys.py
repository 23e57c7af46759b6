"""Whatever kind of survey is opened, it answers by the interface."""

import dataclasses

import pandas as pd
import pytest

from workflow_scripts.surveys.local import LocalSurvey
from workflow_scripts.surveys.registry import Sources, expected_size, open_survey
from workflow_scripts.surveys.simulated.survey import SimulatedSurvey
from workflow_scripts.surveys.survey import OUTCOMES, CutoutResult

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
def test_opening_gives_the_kind_that_answers_nothing_to_nothing(kind, tmp_path):
    survey = open_survey(ENTRIES[kind], Sources(truth=tmp_path / "truth.parquet", images=tmp_path))
    assert isinstance(survey, {"simulated": SimulatedSurvey, "local": LocalSurvey}[kind])
    nothing = pd.DataFrame({"source_id": pd.Series(dtype=str), "ra": [], "dec": []})
    assert list(survey.cutouts(nothing)) == []


def test_only_a_survey_that_renders_or_asks_for_a_size_declares_it():
    assert expected_size(ENTRIES["simulated"]) == 24
    assert expected_size(ENTRIES["local"]) is None
