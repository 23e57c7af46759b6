"""Experiments on annotations that exist: which table is of which run, and what is refused before anything runs."""

import copy
import dataclasses

import pytest

from workflow_scripts.answers.design_report import design_report, expected_findings
from workflow_scripts.answers.designs import check_designs, planned_tests
from workflow_scripts.configuration.experiment_designs import mapped_footprints
from workflow_scripts.configuration.given_annotations import collection_parameter, given_table, given_tables
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.user_files import check_user_files
from workflow_scripts.errors import InputError

AXES = [(ra, dec) for dec in (40, -40) for ra in (0, 90, 180, 270)]
CONFIG = {
    "active_experiments": ["tables"],
    "catalogs": {"known": {"source": "file", "path": "known.csv", "columns": {"source_id": "id", "label": "kind"}}},
    "surveys": {},
    "footprints": {f"at{n}": {"axis": {"ra": ra, "dec": dec}} for n, (ra, dec) in enumerate(AXES)}
    | {"east": {"region": {"ra_range": [0, 180]}}, "west": {"region": {"ra_range": [180, 360]}}},
    "experiments": {
        "tables": {
            "annotations": "given/{footprint}/resample{resample}_seed{seed:02d}.csv",
            "arms": {
                "axes": {"footprints": [f"at{n}" for n in range(8)]},
                "halves": {"footprints": ["east", "west"], "replicates": 6},
            },
            "opposite": [["east", "west"]],
        }
    },
}


def edited(**experiment):
    config = copy.deepcopy(CONFIG)
    config["experiments"]["tables"] |= experiment
    return config


def refused(config):
    with pytest.raises(InputError) as caught:
        load(config)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_each_run_has_its_own_table():
    settings = load(CONFIG)
    files = given_tables(settings, "tables")
    assert len(files) == len(set(files)) == 8 + 12
    assert files[0] == "given/at0/resample0_seed00.csv"
    assert files[-1] == "given/west/resample5_seed05.csv"
    run = {"footprint": "east", "network": "classifier", "resample": "3", "seed": "3"}
    assert given_table(settings, "tables", run) == "given/east/resample3_seed03.csv"


def test_without_a_catalog_the_table_of_the_first_run_is_one():
    settings = load(edited(annotations={"path": "{footprint}_{resample}.fits", "source_id": "ID", "ra": "RA"}))
    assert settings.catalog_of("tables") == "tables_annotated"
    catalog = settings.catalog("tables_annotated")
    assert (catalog["path"], catalog["columns"]) == ("at0_0.fits", {"source_id": "ID", "ra": "RA"})
    # Every annotated galaxy counts, neighbours too.
    assert catalog["hygiene"]["radius_arcsec"] == 0
    assert settings.experiment("tables")["classes"] == ["elliptical", "spiral"]
    assert load(edited(catalog="known")).catalog_of("tables") == "known"


def test_footprints_with_an_axis_alone_rotate_and_need_no_matching():
    settings = load(CONFIG)
    design = settings.design_parameter("tables")
    rotating = {test.name for test in planned_tests(design) if test.rotating}
    assert rotating == {"fraction_response", "pattern_response"}
    assert design["footprints"]["at1"]["axis"] == [90, 40]
    assert check_designs([design]) == []
    assert mapped_footprints(settings, "tables") == ["east", "west"]


def test_a_design_that_cannot_answer_is_refused_without_galaxies():
    few = edited(arms={"halves": {"footprints": ["east", "west"], "replicates": 3}})
    with pytest.raises(InputError, match="can give no adjusted p below") as caught:
        check_designs([load(few).design_parameter("tables")])
    assert "set `replicates: 6` in experiments.tables.arms.halves" in str(caught.value)


def test_how_tables_are_read_does_not_touch_the_statistics():
    settings = load(edited(annotations={"path": "{footprint}_{resample}.csv", "score": "p"}))
    assert settings.bias_parameter("tables")["annotations"] == {"path": "{footprint}_{resample}.csv"}
    parameter = collection_parameter(settings, "tables")
    assert (parameter["label"], collection_parameter(load(CONFIG), "tables")["label"]) == (None, "label")
    assert (parameter["score"], parameter["threshold"], parameter["classes"]) == ("p", 0.5, ["elliptical", "spiral"])


@pytest.mark.parametrize(
    ("experiment", "expected"),
    [
        ({"annotations": "{foot_print}.csv"}, "has '{foot_print}'; did you mean 'footprint'?"),
        ({"annotations": "{footprint.upper}.csv"}, "has '{footprint.upper}'"),
        ({"annotations": "{}.csv"}, "has '{}'; expected one of footprint, network, resample, seed"),
        ({"annotations": "{footprint!r}.csv"}, "has '{footprint!r}', expected '{footprint}'"),
        ({"annotations": "{seed:99999999}.csv"}, "has '{seed:99999999}', expected '{seed}'"),
        ({"annotations": "{footprint.csv"}, "which has a lone brace"),
        ({"annotations": "{footprint}.csv"}, "one file, 'east.csv', expected '{resample}' in it"),
        ({"annotations": "all.csv"}, "one file, 'all.csv', expected '{footprint}' in it"),
        ({"annotations": {"path": "x", "lable": "kind"}}, "has the unknown key 'lable'; did you mean 'label'?"),
        ({"correction": True}, "correction needs imaging or reference labels, expected the key catalog"),
        ({"annotations": None}, "experiments.tables lacks the key 'survey', or annotations that exist"),
        ({"survey": "sky"}, "has survey and annotations, expected one of them"),
        ({"catalog": "knwon"}, "catalog is 'knwon', which is not in catalogs; did you mean 'known'?"),
        (
            {"catalog": "known", "annotations": {"path": "{footprint}", "classes": ["a", "b"]}},
            "annotations.classes is given beside catalog, expected catalogs.known.classes",
        ),
        ({"controls": {"placebo": True}}, "controls.placebo would train networks"),
        ({"tests": {"primary": ["score_response"]}}, "has score_response, expected the key score in annotations"),
        (
            {"annotations": {"path": "{footprint}{seed}", "label_values": {"S": "spirl"}}},
            "annotations.label_values.S is 'spirl', which is not in experiments.tables.classes; did you mean 'spiral'?",
        ),
        ({"arms": {"a": {"footprints": ["east"], "networks": ["../up"]}}}, "is '../up', expected a letter"),
    ],
)
def test_what_does_not_go_together_is_refused(experiment, expected):
    assert expected in refused(edited(**experiment))


def test_networks_are_trained_on_regions_with_a_matching():
    config = edited()
    config["surveys"] = {"pixels": {"kind": "simulated", "catalog": "sky"}}
    config["catalogs"]["sky"] = {"source": "simulated"}
    config |= {"recipes": {"rgb": {}}, "networks": {"net": {"architecture": "lenet5", "recipe": "rgb"}}}
    trained = {"survey": "pixels", "arms": {"a": {"footprints": ["east"], "networks": ["net"]}}}
    config["experiments"]["tables"] = trained
    assert "footprints.east lacks the key 'matching', expected it where networks are trained" in refused(config)
    trained["arms"]["a"]["footprints"] = ["at3"]
    assert "footprints.at3 lacks the key 'region'" in refused(config)
    del trained["arms"]["a"]["networks"]
    assert "experiments.tables.arms.a lacks the key 'networks'" in refused(config)


def test_a_footprint_has_a_region_or_an_axis():
    config = edited()
    config["footprints"]["at0"]["region"] = {"whole_sky": True}
    assert "footprints.at0 has region and axis, expected one of them" in refused(config)
    config["footprints"]["at0"] = {}
    assert "footprints.at0 has neither region nor axis, expected one of them" in refused(config)
    config["footprints"]["at0"] = {"region": {"complement": {"footprint": "at1"}}}
    assert "is 'at1', of which only an axis is known, expected a footprint with a region" in refused(config)


def test_missing_tables_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load(CONFIG)
    files = given_tables(settings, "tables")
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("source_id,label\n")
    check_user_files(settings)
    for file in files[2:7]:
        (tmp_path / file).unlink()
    with pytest.raises(InputError) as caught:
        check_user_files(settings)
    start, _, rest = str(caught.value).partition(" names ")
    assert start.endswith("experiments.tables.annotations.path")
    shown = ", ".join(f"'{file}'" for file in files[2:5])
    assert rest.startswith(f"5 of 20 files that do not exist: {shown}, ...; expected the table of each run (")


def test_how_much_given_annotations_scatter_is_not_known_before_a_pilot():
    """Issue: the preview ended with a traceback, for training sets that such an experiment has not."""
    halves = {"halves": CONFIG["experiments"]["tables"]["arms"]["halves"]}
    report = design_report(load(edited(arms=halves)).design_parameter("tables"))
    assert [row["power"] for row in report.tests] == [None, None]
    first, *_ = expected_findings(dataclasses.asdict(report))
    assert first.startswith("fraction_contrast (")
    assert "power not known before a pilot: how much annotations that exist scatter" in first
