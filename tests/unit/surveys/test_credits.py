"""Who is credited for the data of an experiment, and that people read the same as programs."""

from pathlib import Path

import pytest
import yaml

from workflow_scripts.configuration.loading import load
from workflow_scripts.surveys.credits import GALAXY_ZOO, OF_KINDS, SDSS, VIZIER, credits_of
from workflow_scripts.surveys.registry import KINDS

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("sdss_galaxy_zoo", ["SDSS images and tables", "Galaxy Zoo 1"]),
        ("legacy_surveys", ["Legacy Surveys", "SDSS images and tables", "Galaxy Zoo 2"]),
        ("panstarrs", ["Pan-STARRS PS1", "SDSS images and tables", "Galaxy Zoo 1"]),
    ],
)
def test_shipped_surveys_credit_whom_their_files_name(name, data):
    config = yaml.safe_load((ROOT / "experiments" / f"{name}.yaml").read_text())
    (survey,), (catalog,) = config["surveys"].values(), config["catalogs"].values()
    assert [credit.data for credit in credits_of(survey, catalog)] == data


def test_the_page_of_a_shipped_experiment_gets_its_credits():
    settings = load(yaml.safe_load((ROOT / "experiments" / "sdss_galaxy_zoo.yaml").read_text()))
    (experiment,) = settings.completed["active_experiments"]
    given = settings.data_parameter(experiment)
    assert [credit.data for credit in credits_of(**given)] == ["SDSS images and tables", "Galaxy Zoo 1"]


def test_what_is_made_or_brought_has_no_credit_that_is_known():
    assert credits_of({"kind": "simulated"}, {"source": "simulated"}) == []
    assert credits_of({"kind": "local"}, {"source": "file", "path": "mine.fits"}) == []
    assert credits_of(None, {"source": "file", "path": "mine.fits"}) == []


def test_services_and_layers():
    tables = {"source": "tap", "url": "https://tapvizier.cds.unistra.fr/TAPVizieR/tap", "query": "select"}
    assert credits_of(None, tables) == [VIZIER]
    mine = {"source": "file"}
    assert credits_of({"kind": "legacy", "layer": "sdss"}, mine) == [SDSS]
    assert credits_of({"kind": "legacy", "layer": "unwise-neo7"}, mine) == []


def test_every_downloaded_kind_has_a_credit():
    assert set(OF_KINDS) == {name for name, kind in KINDS.items() if kind.downloaded}


@pytest.mark.parametrize(
    "credit", dict.fromkeys([*OF_KINDS.values(), *GALAXY_ZOO.values(), VIZIER]), ids=lambda credit: credit.data
)
def test_the_table_for_people_says_the_same(credit):
    rows = (ROOT / "docs" / "surveys.md").read_text().split("## Credits")[1].splitlines()
    (row,) = [row for row in rows if row.startswith(f"| {credit.data}")]
    assert credit.page in row
    assert row.endswith(f"| {credit.cite} |")
