"""The step that makes a catalog, from user's tables and from simulated skies."""

import json
import logging

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from workflow_scripts import make_catalog
from workflow_scripts.catalogs.galaxies import SIMULATED_COLUMNS, galaxies_of_catalog
from workflow_scripts.catalogs.hygiene import PROBLEMS
from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.step import run_step
from workflow_scripts.training_sets.split import split

HYGIENE = {"radius_arcsec": 2.0, "sentinels": [-9999], "on_problem": dict.fromkeys(PROBLEMS, "drop")}


def entry(**changes) -> dict:
    """A catalog's entry as the configuration completes it."""
    columns = {"source_id": "objID", "ra": "RA", "dec": "Dec", "label": "class", "redshift": "z"}
    complete = {
        "source": "file",
        "format": None,
        "columns": columns,
        "label_values": {"S": "spiral", "E": "elliptical"},
        "classes": ["elliptical", "spiral"],
        "hygiene": HYGIENE,
        "split": {"annotation_fraction": 0.4, "salt": "skybias"},
        "sample": None,
    }
    return complete | changes


@pytest.fixture
def survey_csv(tmp_path):
    """2000 galaxies with 18-digit ids, and debris."""
    generator = np.random.default_rng(5)
    n = 2000
    table = pd.DataFrame(
        {
            "objID": 587722953303916935 + np.arange(n),
            "RA": generator.uniform(0, 360, n).round(5),
            "Dec": np.degrees(np.arcsin(generator.uniform(-1, 1, n))).round(5),
            "class": generator.choice(["E", "S", "U"], n),
            "z": generator.uniform(0, 0.3, n).round(4),
        }
    )
    table.to_csv(tmp_path / "galaxies.csv", index=False)
    with open(tmp_path / "galaxies.csv", "a") as file:
        file.write(",,,,\n,,,,mean\n1,20.0,95.0,E,0.1\n")
    return tmp_path / "galaxies.csv"


def run(tmp_path, source, catalog, folder="out"):
    """Run the step as a program; gives catalog, hygiene report and exit status."""
    arguments = ["--catalog", json.dumps(catalog), "--source", str(source)]
    outputs = tmp_path / folder / "catalog.parquet", tmp_path / folder / "hygiene.json"
    arguments += ["--output", str(outputs[0]), "--hygiene", str(outputs[1])]
    with pytest.raises(SystemExit) as stopped:
        run_step(make_catalog.main, make_catalog.parser, arguments)
    return *outputs, stopped.value.code


def test_catalog_has_the_contract(tmp_path, survey_csv):
    path, hygiene, status = run(tmp_path, survey_csv, entry())
    assert status == 0
    types = {field.name: str(field.type) for field in pq.read_schema(path)}
    assert types.pop("source_id") in ("string", "large_string")
    assert types.pop("split") in ("string", "large_string")
    assert types == {"ra": "double", "dec": "double", "label": "int8", "redshift": "double"}
    catalog = pd.read_parquet(path)
    assert len(catalog) == catalog["source_id"].nunique() == 2000
    assert set(catalog["source_id"]) == {str(587722953303916935 + number) for number in range(2000)}
    place = tile_of(catalog["ra"], catalog["dec"], 12)
    assert (np.diff(place) >= 0).all()
    assert catalog["split"].tolist() == split(catalog["source_id"], 0.4, "skybias").tolist()
    given = pd.read_csv(survey_csv, dtype=str).dropna(subset="objID").set_index("objID")
    expected = given["class"].map({"E": 0, "S": 1}).reindex(catalog["source_id"])
    np.testing.assert_array_equal(catalog["label"].astype(float), expected)
    report = json.loads(hygiene.read_text())
    assert (report["rows_in"], report["rows_out"]) == (2003, 2000)
    assert report["problems"]["non_finite_position"] == {"rows": 2, "action": "drop"}
    assert report["problems"]["position_out_of_range"] == {"rows": 1, "action": "drop"}
    assert report["unreadable_cells"] == {"redshift": 1}
    unknown = int((given["class"] == "U").sum())
    assert report["labels"] == {
        "unknown_values": {"U": unknown},
        "with_unknown_value": unknown,
        "without_label": unknown,
    }


def test_same_bytes_whatever_the_order_of_the_rows(tmp_path, survey_csv):
    first, _, _ = run(tmp_path, survey_csv, entry())
    lines = survey_csv.read_text().splitlines()
    survey_csv.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    second, _, _ = run(tmp_path, survey_csv, entry(), folder="again")
    assert pd.read_parquet(first).equals(pd.read_parquet(second))
    third, _, _ = run(tmp_path, survey_csv, entry(), folder="third")
    assert second.read_bytes() == third.read_bytes()


def test_everything_dropped_is_logged(tmp_path, survey_csv, caplog):
    caplog.set_level(logging.INFO)
    arguments = ["--catalog", json.dumps(entry()), "--source", str(survey_csv)]
    arguments += ["--output", str(tmp_path / "c.parquet"), "--hygiene", str(tmp_path / "h.json")]
    make_catalog.main(make_catalog.parser.parse_args(arguments))
    for words in ("2 rows with non finite position: drop", "1 unreadable in redshift", "unknown label U", "of 2003"):
        assert words in caplog.text


def test_sample_takes_the_same_galaxies_by_id(survey_csv):
    whole, _ = galaxies_of_catalog(entry(), str(survey_csv))
    some, report = galaxies_of_catalog(entry(sample=300), str(survey_csv))
    more, _ = galaxies_of_catalog(entry(sample=600), str(survey_csv))
    assert report["sample"] == len(some) == 300
    assert set(some["source_id"]) < set(more["source_id"]) < set(whole["source_id"])
    assert some["split"].tolist() == whole.set_index("source_id").loc[some["source_id"], "split"].tolist()


def test_labels_without_label_values(tmp_path):
    (tmp_path / "t.csv").write_text("RA,Dec,class\n1,1,spiral\n2,2,elliptical\n3,3,1\n4,4,0.0\n5,5,\n")
    columns = {"ra": "RA", "dec": "Dec", "label": "class"}
    catalog, _ = galaxies_of_catalog(entry(columns=columns, label_values={}), str(tmp_path / "t.csv"))
    labels = catalog.set_index("source_id")["label"]
    assert {key: None if pd.isna(value) else int(value) for key, value in labels.items()} == {
        "row0": 1,
        "row1": 0,
        "row2": 1,
        "row3": 0,
        "row4": None,
    }


def test_a_class_without_galaxies_beside_unknown_labels_is_an_error(tmp_path):
    (tmp_path / "t.csv").write_text("RA,Dec,class\n1,1,E\n2,2,Sp.\n3,3,Sp.\n4,4,?\n")
    columns = {"ra": "RA", "dec": "Dec", "label": "class"}
    changed = entry(columns=columns, label_values={"E": "elliptical", "SP": "spiral"})
    with pytest.raises(InputError, match=r"no galaxy is spiral: no label is SP, but 2 .* label Sp\.; is"):
        galaxies_of_catalog(changed, str(tmp_path / "t.csv"))


def test_class_names_that_are_numbers_mean_themselves(tmp_path):
    (tmp_path / "t.csv").write_text("RA,Dec,class\n1,1,1\n2,2,0\n")
    changed = entry(columns={"ra": "RA", "dec": "Dec", "label": "class"}, label_values={}, classes=["1", "0"])
    catalog, _ = galaxies_of_catalog(changed, str(tmp_path / "t.csv"))
    assert catalog.set_index("source_id")["label"].to_dict() == {"row0": 0, "row1": 1}


def test_catalog_without_labels(tmp_path):
    (tmp_path / "t.csv").write_text("RA,Dec\n1,1\n2,2\n")
    catalog, report = galaxies_of_catalog(
        entry(columns={"ra": "RA", "dec": "Dec"}, label_values={}), str(tmp_path / "t.csv")
    )
    assert catalog["label"].isna().all()
    assert str(catalog["label"].dtype) == "Int8"
    assert report["labels"] == {"unknown_values": {}, "with_unknown_value": 0, "without_label": 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label_values": {"X": "spiral"}}, r"no label is known; it has E, S, U, expected X .*label_values"),
        ({"label_values": {"S": "spirals"}}, r"'spirals' .*label_values.* is no class, expected elliptical, spiral"),
        ({"columns": {"ra": "RA", "dec": "Dec", "split": "class"}}, r"'split' .*columns.* made by the workflow"),
        ({"hygiene": HYGIENE | {"on_problem": dict.fromkeys(PROBLEMS, "fatal")}}, r"2 rows with non finite position"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(tmp_path, survey_csv, capsys, changes, message):
    path, hygiene, status = run(tmp_path, survey_csv, entry(**changes))
    assert status == 2
    assert not path.exists()
    assert not hygiene.exists()
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(error) == 1
    assert str(survey_csv) in error[0]
    with pytest.raises(InputError, match=message):
        galaxies_of_catalog(entry(**changes), str(survey_csv))


def test_simulated_sky_keeps_the_covariates_that_a_survey_would_know(tmp_path):
    n = 50
    truth = pd.DataFrame({name: np.linspace(1, 2, n) for name in SIMULATED_COLUMNS})
    truth["source_id"] = [f"sim{number:04d}" for number in range(n)]
    truth["ra"], truth["dec"] = np.linspace(0, 359, n), np.linspace(-80, 80, n)
    truth["label"] = np.arange(n, dtype=np.int8) % 2
    truth["true_class"] = 1
    truth.to_parquet(tmp_path / "truth.parquet")
    catalog, _ = galaxies_of_catalog(
        {key: value for key, value in entry(source="simulated").items() if key not in ("columns", "label_values")},
        str(tmp_path / "truth.parquet"),
    )
    assert set(catalog) == {*SIMULATED_COLUMNS, "split"}
    labels = catalog.set_index("source_id")["label"].astype(int)
    assert labels.to_dict() == dict(zip(truth["source_id"], truth["label"].astype(int), strict=True))
    assert len(SIMULATED_COLUMNS) == 11


def test_real_spin_catalog(shared_data):
    path = shared_data / "hsc_dr3_spins" / "data_hsc.csv"
    columns = {"ra": "RA", "dec": "Dec", "redshift": "z", "label": "direction_cw_ccw"}
    spins = entry(columns=columns, classes=["clockwise", "counterclockwise"])
    spins["label_values"] = {"-1": "clockwise", "1": "counterclockwise"}
    catalog, report = galaxies_of_catalog(spins, str(path))
    assert report["rows_in"] == 13480
    assert report["problems"]["non_finite_position"]["rows"] == 4
    assert report["rows_out"] + report["problems"]["repeated_galaxy"]["rows"] == 13476
    assert catalog["label"].notna().all()
