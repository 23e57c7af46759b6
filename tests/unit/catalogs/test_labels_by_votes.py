"""Classes from fractions of votes, and positions that have lost their digits."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.catalogs.test_make_catalog import entry
from workflow_scripts.catalogs.galaxies import galaxies_of_catalog
from workflow_scripts.catalogs.hygiene import check_precision
from workflow_scripts.catalogs.labels import labels_by_votes
from workflow_scripts.catalogs.number_ranges import NumberRange
from workflow_scripts.errors import InputError

VOTES = {"elliptical": {"p_el": 0.8}, "spiral": {"p_cs": 0.8, "featured": 0.5}}
COLUMNS = {"source_id": "objid", "ra": "ra", "dec": "dec", "redshift": "z"}


def table(tmp_path, rows: list[str]) -> str:
    path = tmp_path / "zoo.csv"
    path.write_text("\n".join(["objid,ra,dec,z,p_el,p_cs,featured", *rows]) + "\n")
    return str(path)


def votes_entry(**changes) -> dict:
    return entry(columns=COLUMNS, label_values={}, label_votes=VOTES) | changes


def test_a_class_needs_all_its_votes_and_uncertain_galaxies_have_no_label(tmp_path):
    rows = {
        "1237648720693755918": ("0.8,0.1,0.1", 0),
        "1237648720693755919": ("0.1,0.9,0.5", 1),
        "1237648720693755920": ("0.1,0.9,0.4", None),
        "1237648720693755921": ("0.79,0.2,0.9", None),
        "1237648720693755922": (",,", None),
        "1237648720693755923": ("0.9,0.9,0.9", None),
        "1237648720693755924": ("-9999,1.0,1.0", 1),
    }
    lines = [f"{objid},{10 + number},5,0.1,{votes}" for number, (objid, (votes, _)) in enumerate(rows.items())]
    catalog, report = galaxies_of_catalog(votes_entry(), table(tmp_path, lines))
    labels = catalog.set_index("source_id")["label"]
    assert {key: None if pd.isna(value) else int(value) for key, value in labels.items()} == {
        objid: label for objid, (_, label) in rows.items()
    }
    assert str(labels.dtype) == "Int8"
    assert set(catalog) == {"source_id", "ra", "dec", "label", "split", "redshift"}
    by_votes = {"elliptical": 1, "spiral": 2, "no_class": 3, "several_classes": 1}
    assert report["labels"] == {"by_votes": by_votes, "unknown_values": {}, "without_label": 4}


def test_votes_can_be_kept_as_columns(tmp_path):
    rows = ["1,10,5,0.1,0.9,0,0", "2,20,5,0.1,0,1,1"]
    catalog, _ = galaxies_of_catalog(votes_entry(columns=COLUMNS | {"vote": "p_el"}), table(tmp_path, rows))
    assert catalog["vote"].tolist() == [0.9, 0.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label_votes": {"elliptical": {"p_ell": 0.8}, "spiral": {"p_cs": 0.8}}}, r"no column 'p_ell' .*label_votes"),
        ({"label_votes": {"elliptical": {"p_el": 1.1}, "spiral": {"p_cs": 0.8}}}, "none of 2 galaxies is elliptical"),
        ({"label_votes": {"elliptical": {"z": 0.8}, "spiral": {"p_cs": 0.8}}}, "'z' .* is text, expected fractions"),
    ],
)
def test_votes_that_give_no_labels_say_why(tmp_path, changes, message):
    rows = ["1,10,5,near,0.9,0,0", "2,20,5,far,0,1,1"]
    places = {name: COLUMNS[name] for name in ("source_id", "ra", "dec")}
    with pytest.raises(InputError, match=message):
        galaxies_of_catalog(votes_entry(columns=places, **changes), table(tmp_path, rows))


def positions(ra, dec) -> pd.DataFrame:
    return pd.DataFrame({"ra": ra, "dec": dec})


def test_positions_in_single_precision_are_refused():
    generator = np.random.default_rng(3)
    ra, dec = generator.uniform(0, 360, 500), generator.uniform(-90, 90, 500)
    check_precision(positions(ra, dec), "zoo")
    check_precision(positions(ra.round(7), dec.round(7)), "zoo")
    rough = {
        "six digits": [float(f"{value:.6g}") for value in ra],
        "seven digits": [float(f"{value:.7g}") for value in ra],
        "float32": ra.astype(np.float32).astype(float),
    }
    for values in rough.values():
        with pytest.raises(InputError, match=r"zoo: 'ra' .catalogs, columns.ra. has at most 7 digits in all 500 rows"):
            check_precision(positions(values, dec), "zoo")
    with pytest.raises(InputError, match="'dec'"):
        check_precision(positions(ra, dec.astype(np.float32).astype(float)), "zoo")


@pytest.mark.parametrize("limit", [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_votes_stored_in_single_precision_reach_the_limit_that_they_were(limit):
    """0.7 becomes 0.69999999 in single precision, 0.3 becomes 0.30000001."""
    stored = np.array([limit - 0.01, limit, limit + 0.01], np.float32).astype(float)
    votes = pd.DataFrame({"label_votes.spiral.p": stored, "label_votes.elliptical.p": 1 - stored})
    labels, _ = labels_by_votes(votes, {"spiral": {"p": limit}}, ["elliptical", "spiral"], "zoo.fits")
    assert labels.notna().tolist() == [False, True, True]
    expected = {">=": [False, True, True], ">": [False, False, True], "<": [True, False, False]}
    expected |= {"<=": [True, True, False], "==": [False, True, False]}
    for sign, inside in expected.items():
        assert NumberRange.of(f"{sign} {limit}").holds(stored).tolist() == inside, sign
