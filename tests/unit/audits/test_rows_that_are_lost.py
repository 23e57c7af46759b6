"""Lost rows, swapped columns and rounded positions are reported before any number, by audits and catalogs alike."""

import numpy as np
import pandas as pd
import pytest

from tests.unit.audits.audited import galaxies, message, run_audit
from workflow_scripts.audits.galaxy_pieces import galaxies as cleaned_pieces
from workflow_scripts.audits.galaxy_pieces import joined_reports, overview
from workflow_scripts.audits.suite import HYGIENE
from workflow_scripts.audits.table_pieces import AuditColumns, TableSource
from workflow_scripts.catalogs.galaxies import galaxies_of_catalog
from workflow_scripts.errors import InputError

pytestmark = pytest.mark.usefixtures("brief_audits")
_ENTRY = {
    "source": "file",
    "columns": {"ra": "a", "dec": "b", "label": "label"},
    "hygiene": HYGIENE,
    "classes": ["elliptical", "spiral"],
    "label_values": {"elliptical": "elliptical", "spiral": "spiral"},
    "split": {"annotation_fraction": 0.5, "salt": ""},
}


def swapped(ra: tuple[float, float]) -> pd.DataFrame:
    """Galaxies with right ascensions (degrees) in a range, whose columns `a` and `b` are Dec and RA."""
    table = galaxies(400)
    return table.assign(a=table["dec"], b=np.linspace(*ra, 400)).drop(columns=["ra", "dec"])


@pytest.mark.parametrize(
    ("ra", "lost"), [((100, 200), "none of 400 rows"), ((0, 350), "297 of 400 rows"), ((0, 110), "")]
)
def test_swapped_columns_are_suspected_where_swapping_would_make_all_usable(tmp_path, ra, lost):
    swapped(ra).to_csv(tmp_path / "c.csv", index=False)
    options = ["--ra", "a", "--dec", "b", "--label", "label"]
    words = "RA and Dec look swapped: with the columns the other way round, all 400 positions would be usable"
    if lost:
        sentence = message(tmp_path / "c.csv", tmp_path / "out", *options)
        assert lost in sentence
        assert words in sentence
        with pytest.raises(InputError, match="look swapped"):
            galaxies_of_catalog(_ENTRY, str(tmp_path / "c.csv"))
        return
    summary = run_audit(tmp_path / "c.csv", tmp_path / "out", *options)
    assert f"73 of 400 rows (18%) are not usable: 73 position out of range; {words}." in summary["warnings"]
    _, report = galaxies_of_catalog(_ENTRY, str(tmp_path / "c.csv"))
    assert words in report["warnings"][0]


def test_warnings_stand_before_the_first_table_and_the_first_number(tmp_path):
    table = galaxies(400)
    table.loc[:60, "ra"] = -999.0
    table.to_csv(tmp_path / "c.csv", index=False)
    summary = run_audit(tmp_path / "c.csv", tmp_path / "out", "--label", "label")
    (warning,) = summary["warnings"]
    assert warning == "61 of 400 rows (15%) are not usable: 61 sentinel."
    page = (tmp_path / "out" / "audit.html").read_text()
    assert page.index(warning) < page.index("<table>")
    # A table that is the other way round for other reasons is not called swapped.
    assert "swapped" not in warning


def test_pieces_that_lose_all_rows_count(tmp_path):
    table = galaxies(400)
    table.loc[:199, "dec"] = 95.0
    table = pd.concat([table, table.iloc[300:]], ignore_index=True)
    table.to_parquet(tmp_path / "c.parquet", index=False)
    source = TableSource.of(str(tmp_path / "c.parquet"), AuditColumns(("label",)), HYGIENE, rows_a_piece=100)
    report = joined_reports([report for _, report in cleaned_pieces(source, overview(source))])
    assert (report["rows_in"], report["rows_out"]) == (500, 200)
    assert report["dropped"] == {"position_out_of_range": 200, "repeated_galaxy": 100}
    assert "not usable (200 position out of range, 100 repeated galaxy)" in message(
        tmp_path / "c.parquet", tmp_path / "out", "--label", "label"
    )


def test_rounded_positions_are_named_in_both(tmp_path):
    table = galaxies(400).round({"ra": 1, "dec": 1}).rename(columns={"ra": "a", "dec": "b"})
    table.to_csv(tmp_path / "c.csv", index=False)
    sentence = "Positions look rounded to 0.1 degrees: galaxies at one position were taken for different ones."
    _, report = galaxies_of_catalog(_ENTRY, str(tmp_path / "c.csv"))
    assert report["warnings"] == [sentence]
    summary = run_audit(tmp_path / "c.csv", tmp_path / "out", "--ra", "a", "--dec", "b", "--label", "label")
    assert summary["warnings"] == [sentence]
