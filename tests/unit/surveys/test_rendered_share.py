"""A simulated survey that renders a part of its galaxies, and records that in the ledger."""

import pytest

from tests.small_experiment import CONFIG
from tests.unit.surveys.archived import fetch_tile
from workflow_scripts.configuration.loading import load
from workflow_scripts.simulate_sky import simulated_sky
from workflow_scripts.surveys.archive import check_failed_share, count_outcomes, reasons
from workflow_scripts.surveys.simulated.simulated_survey import SimulatedSurvey


@pytest.fixture
def sky(tmp_path):
    galaxies = simulated_sky(load(CONFIG).sky_parameter("sky"))
    galaxies.to_parquet(tmp_path / "truth.parquet")
    return galaxies, tmp_path / "truth.parquet"


def fetched(sky, share):
    galaxies, truth = sky
    entry = load(CONFIG).survey_parameter("pixels") | {"rendered_share": share}
    return fetch_tile(SimulatedSurvey(entry, truth), galaxies[["source_id", "ra", "dec"]], 32)


def test_all_are_rendered_by_default(sky):
    assert load(CONFIG).survey("pixels")["rendered_share"] == 1.0
    assert count_outcomes(fetched(sky, 1.0))["delivered"] == 240


def test_the_others_are_in_the_ledger_and_no_failures(sky):
    table = fetched(sky, 0.3)
    counts = count_outcomes(table)
    assert counts["requested"] == 240
    assert 40 < counts["delivered"] < 110
    assert counts["delivered"] + counts["no_coverage"] == 240
    check_failed_share(table, 0.0, "the sky")
    (reason,) = reasons(table, 5)
    assert reason["reason"] == "not rendered (rendered_share)"


def test_a_larger_share_keeps_the_images_of_a_smaller_one(sky):
    few, more = ({row["source_id"]: row["image"] for row in fetched(sky, share).to_pylist()} for share in (0.2, 0.5))
    rendered = {name for name, image in few.items() if image}
    assert rendered
    assert all(few[name] == more[name] for name in rendered)
