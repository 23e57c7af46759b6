"""The same catalog in every format, encoding and dialect is the same to `make_catalog` and to `audit`."""

import json
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.audits.audited import run_audit
from tests.unit.catalogs.test_make_catalog import entry
from tests.unit.catalogs.written_parquet import WRITERS
from tests.unit.catalogs.written_tables import COLUMNS, N, Written, galaxies
from workflow_scripts.audits.binning import bin_catalog
from workflow_scripts.audits.galaxy_pieces import overview
from workflow_scripts.audits.suite import HYGIENE, meanings_of
from workflow_scripts.audits.table_pieces import AuditColumns, TableSource
from workflow_scripts.audits.vocabulary import vocabularies
from workflow_scripts.catalogs.galaxies import galaxies_of_catalog
from workflow_scripts.catalogs.readers import TableOptions
from workflow_scripts.tables import write_table

# Positions that were converted differ in their last bits.
NEAR = 1e-10


def made(table: Written) -> tuple[pd.DataFrame, dict[str, Any]]:
    """What `make_catalog` makes of a table, and its report."""
    columns = {name: column for name, column in {**COLUMNS, **table.columns}.items() if column}
    classes = {"spiral": "spiral", "elliptical": "elliptical"}
    return galaxies_of_catalog(entry(columns=columns, label_values=classes, **table.options), table.path)


def added_up(table: Written) -> list[Any]:
    """Everything that the tests of an audit rest on, as numbers and arrays."""
    columns = {**COLUMNS, **table.columns}
    parts = AuditColumns(
        labels=("class",), ra=columns["ra"], dec=columns["dec"], source_id=columns["source_id"], covariates=("z",)
    )
    options = {"table_format" if name == "format" else name: value for name, value in table.options.items()}
    said = vocabularies(["spiral"], ["elliptical"], None, ["class"])
    source = TableSource.of(table.path, parts, HYGIENE, TableOptions(**options), "", said)
    found = overview(source)
    return [found.classes, *flat(bin_catalog(source, found, meanings_of(source, found.classes)))]


def flat(content: Any) -> list[Any]:
    """The leaves of nested dataclasses, sequences and mappings."""
    if is_dataclass(content):
        return [leaf for field in fields(content) for leaf in flat(getattr(content, field.name))]
    if isinstance(content, list | tuple):
        return [leaf for part in content for leaf in flat(part)]
    return [content]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The table of the plainest format: path, catalog, its report, sums of an audit."""
    table = WRITERS["csv"](tmp_path_factory.mktemp("plain"))
    catalog, report = made(table)
    assert len(catalog) == N - 25 == len(galaxies().dropna(subset="RA"))
    write_table(table.path.replace(".csv", ".parquet"), catalog)
    return table, catalog, report, added_up(table)


def test_the_plain_table_is_the_one_that_was_written(plain):
    _, catalog, report, sums = plain
    truth = galaxies().dropna(subset="RA").astype({"objID": str}).set_index("objID")
    found = catalog.set_index("source_id")
    assert set(found.index) == set(truth.index)
    truth = truth.loc[found.index]
    for name, column in (("ra", "RA"), ("dec", "Dec"), ("redshift", "z")):
        np.testing.assert_array_equal(found[name], truth[column])
    names = {0: "elliptical", 1: "spiral"}
    labels = found["label"].map(names).astype(object)
    expected = truth["class"].where(truth["class"].isin(names.values()))
    assert labels.where(labels.notna(), None).tolist() == expected.where(expected.notna(), None).tolist()
    assert report["labels"]["unknown_values"] == {"None": int((truth["class"] == "None").sum())}
    assert sums[0]["annotation0"] == truth["class"].value_counts().to_dict()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_catalog_and_audit(tmp_path, plain, name):
    (tmp_path / "table").mkdir()
    table = WRITERS[name](tmp_path / "table")
    first, catalog, report, sums = plain
    found, found_report = made(table)
    if table.exact:
        write_table(tmp_path / "made.parquet", found)
        with open(first.path.replace(".csv", ".parquet"), "rb") as file:
            assert (tmp_path / "made.parquet").read_bytes() == file.read()
    else:
        by_id = [one.sort_values("source_id", ignore_index=True) for one in (catalog, found)]
        pd.testing.assert_frame_equal(*by_id, check_exact=False, rtol=0, atol=NEAR)
    assert found_report["labels"] == report["labels"]
    assert found_report["problems"] == report["problems"] or "coord" in table.columns.values()
    found_sums = added_up(table)
    assert len(found_sums) == len(sums)
    for one, other in zip(found_sums[1:], sums[1:], strict=True):
        if table.exact and "hive" not in name and "coord" not in table.columns.values():
            np.testing.assert_equal(one, other)
        elif isinstance(other, np.ndarray) and one.shape == other.shape and other.size < 100:
            np.testing.assert_allclose(one, other, atol=1e-7)
    assert found_sums[0] == sums[0]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_the_same_summary_of_an_audit(tmp_path):
    said = ("--source-id", "objID", "--ra", "RA", "--dec", "Dec", "--label", "class", "--positive", "spiral")
    said += ("--negative", "elliptical", "--name", "galaxies")
    summaries = []
    for name in ("csv", "fits", "parquet, masks beside", "votable, binary2", "hats"):
        (tmp_path / name).mkdir()
        table = WRITERS[name](tmp_path / name)
        summary = run_audit(table.path, tmp_path / name / "out", *said)
        for own in ("inputs", "provenance"):
            summary.pop(own)
        # What was found about the file itself.
        summaries.append(json.dumps(summary, sort_keys=True).replace(table.path, "FILE"))
    assert len({_without_table(summary) for summary in summaries}) == 1


def _without_table(summary: str) -> str:
    content = json.loads(summary)
    content["catalog"].pop("table", None)
    return json.dumps(content, sort_keys=True)
