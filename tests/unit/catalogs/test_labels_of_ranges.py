"""Classes that are ranges of numbers, of any number, and catalogs of labelled galaxies only."""

import itertools

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.unit.catalogs.test_make_catalog import HYGIENE, entry
from tests.unit.configuration.test_validation_sentences import BASE, merged, sentence
from workflow_scripts.catalogs.galaxies import galaxies_of_catalog, positions_of_catalog
from workflow_scripts.catalogs.number_ranges import NumberRange, problem_of_ranges, ranges_of
from workflow_scripts.configuration.loading import load
from workflow_scripts.errors import InputError

COLUMNS = {"source_id": "id", "ra": "ra", "dec": "dec", "label": "t"}
THREE = {
    "classes": ["elliptical", "lenticular", "spiral"],
    "label_values": {"spiral": ">= 1 and < 9", "elliptical": "< -3", "lenticular": ">= -3 and < 0"},
}


def table(tmp_path, types: list) -> str:
    n = len(types)
    rows = pd.DataFrame(
        {"id": [f"g{number}" for number in range(n)], "ra": np.arange(n) * 1.0, "dec": 10.0, "t": types}
    )
    rows.to_csv(tmp_path / "types.csv", index=False)
    return str(tmp_path / "types.csv")


def made(path: str, **changes) -> tuple[pd.Series, dict]:
    galaxies, report = galaxies_of_catalog(entry(columns=COLUMNS) | THREE | changes, path)
    return galaxies.set_index("source_id")["label"], report


def test_ranges_are_half_open_and_what_lies_in_none_has_no_label(tmp_path):
    types = [-7.5, -3.0, -3.01, -0.1, 0.0, 0.5, 1.0, 8.99, 9.0, None, "nan", -9999]
    expected = [0, 1, 0, 1, None, None, 2, 2, None, None, None, None]
    labels, report = made(table(tmp_path, types))
    found = [labels[f"g{number}"] for number in range(len(types))]
    assert [None if pd.isna(one) else int(one) for one in found] == expected
    assert report["labels"]["without_label"] == 6


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ([-5, 1, 2, 3], r"none of 4 galaxies is lenticular, whose range is '>= -3 and < 0'"),
        ([-5, -1, 2, "Sbc"], r"'t' \(catalogs, columns.label\) holds 1 cells of text, expected numbers for the ranges"),
    ],
)
def test_columns_that_do_not_fit_the_ranges_are_refused(tmp_path, types, words):
    with pytest.raises(InputError, match=words):
        made(table(tmp_path, types))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ('{elliptical: "< -3"}', "table.label_values lacks the class 'spiral'"),
        (
            '{elliptical: "< 0", spiral: ">= 9 and < 1"}',
            "no number lies in '>= 9 and < 1', expected the limits the other",
        ),
        ('{elliptical: "< 2", spiral: ">= 1"}', "'< 2' and '>= 1' overlap, expected ranges that share no number"),
        ('{elliptical: "< 2", spirals: ">= 2"}', "label_values is 'spirals', which is not in catalogs.table.classes"),
        ('{elliptical: "< 2", spiral: "2 to 9"}', "spiral is '2 to 9', expected a range such as '>= 1 and < 9'"),
    ],
)
def test_ranges_that_make_no_classes_are_refused_before_anything_runs(values, words):
    assert words in sentence(f"catalogs: {{table: {{label_values: {values}}}}}")


def test_what_is_empty_and_what_overlaps_agrees_with_the_numbers_that_lie_in_it():
    texts = [
        "< 1",
        "<= 1",
        "> 1",
        ">= 1",
        "== 1",
        ">= 1 and < 2",
        "> 1 and <= 2",
        "> 1 and < 1",
        ">= 2 and <= 1",
        "== 3",
    ]
    numbers = np.arange(-1, 5, 0.25)
    ranges = [found for text in texts if (found := NumberRange.of(text))]
    assert len(ranges) == len(texts)
    for one in ranges:
        assert one.is_empty == (not one.holds(numbers).any()), one.text
    for one, other in itertools.combinations([one for one in ranges if not one.is_empty], 2):
        shared = (one.holds(numbers) & other.holds(numbers)).any()
        assert (problem_of_ranges([one, other]) is not None) == shared, (one.text, other.text)


def test_ranges_named_in_an_audit_are_checked_alike():
    with pytest.raises(InputError, match="--label t: '>= 1' and '< 2' overlap"):
        ranges_of([">= 1", "< 2"], "--label t")


DROPPED = {"unlabelled": "drop"}


def test_only_labelled_galaxies_are_left_requested_and_sampled(tmp_path):
    random = np.random.default_rng(2)
    path = table(tmp_path, list(random.choice([-5.0, -1.0, 0.5, 2.0, 20.0], 300)))
    kept, _ = made(path)
    labels, report = made(path, **DROPPED)
    assert 100 < len(labels) < 250
    assert labels.notna().all()
    assert labels.equals(kept[kept.notna()])
    assert report["labels"]["dropped"] == report["labels"]["without_label"] == 300 - len(labels)
    of_all = f"Only galaxies that have a label are used, {len(labels)} of 300 (unlabelled: drop)"
    assert [one for one in report["warnings"] if one.startswith(of_all)]
    for sample in (None, 50):
        rows = {**entry(), **THREE, **DROPPED, "columns": COLUMNS, "hygiene": HYGIENE, "sample": sample}
        del rows["split"]
        positions = positions_of_catalog(rows, path)
        assert list(positions) == ["source_id", "ra", "dec"]
        assert positions["source_id"].tolist() == made(path, **DROPPED, sample=sample)[0].index.tolist()
        assert len(positions) == (sample or len(labels))


def test_galaxies_of_uncertain_votes_are_dropped_alike(tmp_path):
    path = table(tmp_path, [0.1, 0.9, 0.5, 0.85])
    votes = {"elliptical": {"t": 0.8}, "spiral": {"ra": 2}}
    rows = entry(columns={name: COLUMNS[name] for name in ("source_id", "ra", "dec")}, label_votes=votes) | DROPPED
    rows |= {"label_values": {}}
    # g1 is elliptical, g2 spiral, g3 both, g0 none.
    catalog, _ = galaxies_of_catalog(rows, path)
    assert dict(zip(catalog["source_id"], catalog["label"], strict=True)) == {"g1": 0, "g2": 1}
    del rows["split"]
    assert positions_of_catalog(rows, path)["source_id"].tolist() == catalog["source_id"].tolist()


def test_a_catalog_without_any_label_cannot_drop_the_others(tmp_path):
    path = table(tmp_path, [None, None])
    with pytest.raises(InputError, match=r"none of 2 galaxies has a label, .* \(catalogs, unlabelled: drop\)"):
        made(path, label_values={}, **DROPPED)


def configuration(**changes):
    more = {"catalogs": {"table": changes}, "surveys": {"own": {"kind": "local", "catalog": "table", "path": "images"}}}
    return load(merged(yaml.safe_load(BASE), more))


def test_another_label_requests_other_cutouts_only_where_unlabelled_galaxies_are_dropped():
    ranges = [{"elliptical": f"< {limit}", "spiral": f">= {limit}"} for limit in (0, 1)]
    of_all = [configuration(label_values=values).positions_parameter("own") for values in ranges]
    assert of_all[0] == of_all[1]
    assert "label" not in of_all[0]["columns"]
    dropped = [configuration(label_values=values, **DROPPED).positions_parameter("own") for values in ranges]
    assert dropped[0] != dropped[1]
    assert dropped[0]["columns"]["label"] == "TYPE"


def test_dropping_needs_labels():
    config = merged(yaml.safe_load(BASE), {"catalogs": {"table": DROPPED}})
    del config["catalogs"]["table"]["columns"]["label"]
    with pytest.raises(InputError, match=r"table.unlabelled is 'drop', which needs labels, expected columns.label or"):
        load(config)
