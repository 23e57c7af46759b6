"""Tables that could be read in a wrong way: the right way is taken, or one sentence says what is in doubt."""

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table

from workflow_scripts.catalogs.galaxies import galaxies_of_catalog, read_catalog
from workflow_scripts.catalogs.readers import CatalogTable, Parts, TableOptions
from workflow_scripts.catalogs.selection import Selection
from workflow_scripts.catalogs.table_formats.recognition import HEAD_BYTES
from workflow_scripts.errors import InputError

N = 40
HYGIENE = {"radius_arcsec": 2.0, "sentinels": [-9999.0, -999.0, -99.0], "on_problem": "drop"}
COLUMNS = {"source_id": "id", "ra": "ra", "dec": "dec", "label": "kind"}


def galaxies() -> pd.DataFrame:
    random = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "id": [f"g{number}" for number in range(N)],
            "ra": random.uniform(0, 360, N).round(6),
            "dec": np.degrees(np.arcsin(random.uniform(-1, 1, N))).round(6),
            "kind": random.choice(["spiral", "elliptical"], N),
            "z": random.uniform(0, 0.2, N).round(4),
        }
    )


def entry(**more) -> dict:
    return {
        "source": "local",
        "classes": ["elliptical", "spiral"],
        "columns": COLUMNS,
        "hygiene": HYGIENE,
        "split": {"annotation_fraction": 0.5, "salt": "s"},
    } | more


def made(path, **more) -> tuple[pd.DataFrame, dict]:
    return galaxies_of_catalog(entry(**more), str(path))


@pytest.mark.parametrize("character", ["é", "☉", "𝛼"])
@pytest.mark.parametrize("shift", range(4))
def test_the_encoding_does_not_depend_on_where_the_head_ends(tmp_path, character, shift):
    table = galaxies().replace({"kind": {"spiral": f"espir{character}l"}})
    path = tmp_path / "t.csv"
    # The first block ends within characters of several bytes.
    table.assign(note=character * (HEAD_BYTES // 20)).to_csv(path, index=False)
    path.write_bytes(b"#" + b"x" * shift + b"\n" + path.read_bytes())
    assert path.stat().st_size > HEAD_BYTES
    assert read_catalog(str(path), COLUMNS)["label"].tolist() == table["kind"].tolist()


def test_sentinels_are_not_selected(tmp_path):
    table = galaxies()
    table.loc[:9, "z"] = -9999.0
    table.to_csv(tmp_path / "t.csv", index=False)
    found, _ = made(tmp_path / "t.csv", select="z < 0.1")
    assert sorted(found["source_id"]) == sorted(table["id"][(table["z"] < 0.1) & (table["z"] >= 0)])


@pytest.mark.parametrize(("flag", "chosen"), [("True", True), ("False", False), ("1", True)])
def test_logical_values_are_selected(tmp_path, flag, chosen):
    table = galaxies().assign(flag=np.arange(N) < 15)
    table.to_parquet(tmp_path / "t.parquet")
    rows = read_catalog(str(tmp_path / "t.parquet"), COLUMNS, TableOptions(select=f"flag == {flag}"))
    assert len(rows) == (15 if chosen else N - 15)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("z = 1", "'=' is written '=='"),
        ("z < 1 AND mag < 2", "small letters"),
        ("(z < 1) & (mag < 2)", "'and', 'or'"),
        ("z between 1 and 2", "'1 <= x <= 2'"),
        ("z <> 1", "'!='"),
        ("z is not null", "rows without a value are not selected"),
    ],
)
def test_selections_of_other_languages_are_explained(text, hint):
    with pytest.raises(InputError, match=hint):
        Selection.of(text, "--select")


@pytest.mark.parametrize("text", ["kind == 'A & B'", 'kind == "x = 1"', "z <= 1 or z >= 2", "z != 1"])
def test_right_selections_have_no_hint(text):
    Selection.of(text, "--select")


@pytest.mark.parametrize("factor", [40, 100])
def test_numbers_of_votes_are_no_fractions(tmp_path, factor):
    random = np.random.default_rng(1)
    share = random.uniform(0, 1, N)
    table = galaxies().assign(n_cs=np.rint(share * factor), n_el=np.rint((1 - share) * factor))
    table.to_csv(tmp_path / "t.csv", index=False)
    columns = {name: column for name, column in COLUMNS.items() if name != "label"}
    votes = {"spiral": {"n_cs": 0.8}, "elliptical": {"n_el": 0.8}}
    with pytest.raises(InputError, match=r"expected fractions from 0 to 1 where the least is 0\.8"):
        made(tmp_path / "t.csv", columns=columns, label_votes=votes)
    counted = {"spiral": {"n_cs": 0.8 * factor}, "elliptical": {"n_el": 0.8 * factor}}
    found, _ = made(tmp_path / "t.csv", columns=columns, label_votes=counted)
    assert found["label"].notna().sum() == (table[["n_cs", "n_el"]] >= 0.8 * factor).any(axis=1).sum()


def test_lost_labels_are_a_warning(tmp_path):
    table = galaxies()
    table.loc[:14, "kind"] = "merger"
    table.to_csv(tmp_path / "t.csv", index=False)
    _, report = made(tmp_path / "t.csv")
    assert report["warnings"] == [
        "15 of 40 galaxies have a label that is none of the classes ('merger' 15), and were taken as not labelled."
    ]


def test_lost_labels_are_all_counted_however_many_kinds_there_are(tmp_path):
    table = pd.concat([galaxies()] * 5, ignore_index=True)
    table["id"], table["dec"] = table.index.astype(str), np.linspace(-80, 80, len(table))
    table.loc[:119, "kind"] = [f"merger {number}" for number in range(120)]
    table.to_csv(tmp_path / "t.csv", index=False)
    (warning,) = made(tmp_path / "t.csv")[1]["warnings"]
    assert warning.startswith("120 of 200 galaxies have a label that is none of the classes ('merger 0' 1, ")


def test_labels_that_differ_in_case_only_are_refused(tmp_path):
    table = galaxies()
    table.loc[:3, "kind"] = "Spiral"
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match=r"4 rows have the label 'Spiral', which differs from 'spiral'"):
        made(tmp_path / "t.csv")
    values = {"Spiral": "spiral", "spiral": "spiral", "elliptical": "elliptical"}
    assert made(tmp_path / "t.csv", label_values=values)[0]["label"].notna().all()


def test_a_narrow_strip_is_a_doubt(tmp_path):
    table = galaxies()
    table["dec"] = (table["dec"] + 60) / 120
    table.to_csv(tmp_path / "t.csv", index=False)
    (doubt,) = made(tmp_path / "t.csv")[1]["warnings"]
    assert "a strip along the equator, and could be radians" in doubt
    assert not made(tmp_path / "t.csv", position_unit="degrees")[1]["warnings"]
    stated = Table.from_pandas(table)
    stated["ra"].unit = stated["dec"].unit = "deg"
    stated.write(tmp_path / "t.fits")
    assert not made(tmp_path / "t.fits")[1]["warnings"]


def test_a_stated_unit_against_the_values_is_a_doubt(tmp_path):
    table = galaxies()
    table["ra"] = table["ra"] / 15
    stated = Table.from_pandas(table)
    stated["ra"].unit = stated["dec"].unit = "deg"
    stated.write(tmp_path / "t.fits")
    (doubt,) = made(tmp_path / "t.fits")[1]["warnings"]
    assert "in degrees by the table" in doubt
    assert "look like hours" in doubt
    with fits.open(tmp_path / "t.fits", mode="update") as file:
        del file[1].header["TUNIT2"], file[1].header["TUNIT3"]
    with pytest.raises(InputError, match="look like hours"):
        made(tmp_path / "t.fits")


@pytest.mark.parametrize(
    ("names", "system"),
    [(("SGL", "SGB"), "supergalactic"), (("ecl_lon", "ecl_lat"), "ecliptic"), (("ELON", "ELAT"), "ecliptic")],
)
def test_other_systems_are_refused_by_their_names(tmp_path, names, system):
    galaxies().rename(columns=dict(zip(("ra", "dec"), names, strict=True))).to_csv(tmp_path / "t.csv", index=False)
    columns = COLUMNS | dict(zip(("ra", "dec"), names, strict=True))
    with pytest.raises(InputError, match=f"'{names[0]}' is in the frame {system} by its name"):
        made(tmp_path / "t.csv", columns=columns)
    assert len(made(tmp_path / "t.csv", columns=columns, frame="icrs")[0]) == N


def test_a_whole_number_beyond_a_gap_is_refused_as_a_class(tmp_path):
    types = np.arange(N) % 14 - 5
    table = galaxies().assign(t=np.where(np.arange(N) < 5, -9, types))
    table.to_csv(tmp_path / "t.csv", index=False)
    values, columns = {"elliptical": "< -3", "spiral": ">= 1"}, COLUMNS | {"label": "t"}
    with pytest.raises(InputError, match=r"5 cells of -9, .*`missing: \[-9\]`, --missing=-9"):
        made(tmp_path / "t.csv", columns=columns, label_values=values)
    found, _ = made(tmp_path / "t.csv", columns=columns, label_values=values, missing=[-9])
    assert (found["label"] == 0).sum() == (types[5:] < -3).sum()


def test_texts_that_astropy_wrote_as_json(tmp_path):
    kinds = ["null", None, 'the "eye"', *galaxies()["kind"][3:]]
    table = Table.from_pandas(galaxies().drop(columns="kind"))
    table["kind"] = np.array(kinds, object)
    table["coord"] = SkyCoord(table["ra"], table["dec"], unit="deg")
    table.write(tmp_path / "t.ecsv")
    assert "json" in (tmp_path / "t.ecsv").read_text()
    assert read_catalog(str(tmp_path / "t.ecsv"), COLUMNS)["label"].tolist() == kinds


@pytest.mark.parametrize("separator", [" ", "\t", ",", ";"])
@pytest.mark.parametrize("quoted", [True, False])
def test_row_names_of_r(tmp_path, separator, quoted):
    mark = '"' if quoted else ""
    table = galaxies()
    lines = [separator.join(f"{mark}{name}{mark}" for name in table)]
    for number, row in enumerate(table.itertuples(index=False), start=1):
        cells = [f"{mark}{cell}{mark}" if isinstance(cell, str) else str(cell) for cell in row]
        lines.append(separator.join([f"{mark}{number}{mark}", *cells]))
    (tmp_path / "t.txt").write_text("\n".join(lines) + "\n")
    found = read_catalog(str(tmp_path / "t.txt"), COLUMNS)
    assert found["source_id"].tolist() == table["id"].tolist()
    assert found["ra"].tolist() == table["ra"].tolist()
    assert found["label"].tolist() == table["kind"].tolist()


def test_a_cell_more_than_the_header_is_no_row_name(tmp_path):
    lines = galaxies().to_csv(index=False).splitlines()
    (tmp_path / "t.csv").write_text("\n".join([lines[0], *(f"x{line}" + ",7" for line in lines[1:])]) + "\n")
    with pytest.raises(InputError, match="Expected 5 columns, got 6"):
        read_catalog(str(tmp_path / "t.csv"), COLUMNS)


def test_a_frame_of_dashes_is_named(tmp_path):
    (tmp_path / "t.txt").write_text("+----+----+\n| ra | dec |\n+----+----+\n| 1 | 2 |\n+----+----+\n")
    with pytest.raises(InputError, match=r"begins with a frame \(\+----\+----\+\).*export it as CSV"):
        read_catalog(str(tmp_path / "t.txt"), {})


def test_apostrophes_of_spreadsheets(tmp_path):
    table = galaxies()
    table["id"] = [f"'{1237648720693755918 + number}" for number in range(N)]
    table.to_csv(tmp_path / "t.csv", index=False)
    assert read_catalog(str(tmp_path / "t.csv"), COLUMNS)["source_id"].tolist() == table["id"].str[1:].tolist()


def test_columns_of_a_join_are_offered(tmp_path):
    galaxies().rename(columns={"ra": "ra_1", "dec": "dec_1"}).assign(ra_2=1.0).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match=r"could it be 'ra_1' or 'ra_2'\?"):
        read_catalog(str(tmp_path / "t.csv"), {"source_id": "id"})


@pytest.mark.parametrize("suffix", ["fits", "parquet", "csv"])
def test_large_whole_numbers_are_numbers_in_every_format(tmp_path, suffix):
    table = Table.from_pandas(galaxies().assign(z=np.arange(N) + 2**62 + 1))
    table.write(tmp_path / f"t.{suffix}", format="ascii.csv" if suffix == "csv" else None)
    found = read_catalog(str(tmp_path / f"t.{suffix}"), COLUMNS | {"redshift": "z"})
    assert found["redshift"].tolist() == [float(value) for value in table["z"]]


@pytest.mark.parametrize("suffix", ["fits", "fits.gz"])
def test_fits_in_small_pieces_packed_or_not(tmp_path, suffix, monkeypatch):
    Table.from_pandas(galaxies()).write(tmp_path / f"t.{suffix}")
    parts = Parts(positions=("ra", "dec"), texts={"source_id": "id"})
    table = CatalogTable.of(str(tmp_path / f"t.{suffix}"), parts, TableOptions(position_unit="degrees"))
    opened, really = [], fits.open
    monkeypatch.setattr(fits, "open", lambda path, **more: opened.append(path) or really(path, **more))
    pieces = list(table.pieces(7))
    assert [len(piece["row"]) for piece in pieces] == [7, 7, 7, 7, 7, 5]
    assert [name for piece in pieces for name in piece["source_id"].to_pylist()] == galaxies()["id"].tolist()
    # Unpacking it for every piece would take as long as reading it so many times.
    assert len(opened) == (1 if suffix == "fits.gz" else 6)
