"""Numbers that stand for "not known" are in no class, whether they are named, sentinels, or only look so."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.audits.audited import galaxies, message
from tests.unit.catalogs.test_make_catalog import entry
from workflow_scripts.catalogs.galaxies import galaxies_of_catalog
from workflow_scripts.errors import InputError

RANGES = {"elliptical": "< -3", "spiral": ">= 1"}


def types(tmp_path, placeholder: float) -> str:
    """300 galaxies with T-types from -6 to 10, of which 50 have a placeholder."""
    table = galaxies(300)
    table["t"] = np.random.default_rng(3).integers(-6, 11, 300).astype(float)
    table.loc[:49, "t"] = placeholder
    table.assign(id=np.arange(300)).to_csv(tmp_path / "t.csv", index=False)
    return str(tmp_path / "t.csv")


def labels(path: str, **changes) -> pd.Series:
    columns = {"source_id": "id", "ra": "ra", "dec": "dec", "label": "t"}
    catalog, _ = galaxies_of_catalog(entry(columns=columns, label_values=RANGES) | changes, path)
    return catalog.set_index("source_id")["label"]


@pytest.mark.parametrize(("placeholder", "missing"), [(-9999.0, []), (99.0, [99]), (-99.0, ["-99"])])
def test_sentinels_and_named_numbers_are_in_no_range(tmp_path, placeholder, missing):
    found = labels(types(tmp_path, placeholder), missing=missing)
    assert found.loc[[str(number) for number in range(50)]].isna().all()
    assert found.notna().sum() > 150


def test_a_number_far_from_all_others_in_a_range_is_to_be_named(tmp_path):
    with pytest.raises(
        InputError, match=r"'t' \(catalogs, columns.label\) has 50 cells of 99, far from all others \(-6 to 10\)"
    ):
        labels(types(tmp_path, 99.0))


def test_in_an_audit_as_well(tmp_path):
    path, options = types(tmp_path, 99.0), ["--label", "t", "--positive", ">= 1", "--negative", "< -3"]
    assert "has 50 cells of 99" in message(path, tmp_path / "out", *options)
