"""Published catalogs are read as docs/catalogs.md says: its recipes run on made-up rows in the published shapes."""

import re
import shlex
import tarfile

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.unit.catalogs import published_tables as published
from workflow_scripts.audit import parser
from workflow_scripts.audits.audit_options import audited_sources
from workflow_scripts.audits.galaxy_pieces import overview
from workflow_scripts.audits.suite import meanings_of
from workflow_scripts.catalogs.galaxies import galaxies_of_catalog
from workflow_scripts.configuration.loading import load
from workflow_scripts.errors import InputError

WRITERS = {
    "GalaxyZoo1_DR_table2.csv": published.galaxy_zoo_1,
    "gz2_hart16.csv.gz": published.galaxy_zoo_2,
    "gz_decals_volunteers_5.csv": published.galaxy_zoo_decals,
    "gz_desi_deep_learning_catalog_friendly.parquet": published.galaxy_zoo_desi,
    "hyperleda.txt": published.hyperleda,
    "nair2010.fits": published.vizier,
    "skyserver.csv": published.skyserver,
    "data_hsc.csv": published.hsc_spins,
    "table1.txt": published.cds,
    "galaxies.tbl": published.ipac,
    "targets.fits": published.several_tables,
}
_RECIPE = re.compile(
    r"### (?P<title>.*?)\n.*?```yaml\n(?P<entry>.*?)```\n```\n(?P<command>skybias audit .*?)```", re.DOTALL
)


def recipes(repository):
    """The catalog's entry, by file, and the words of the audit's command line."""
    page = (repository / "docs" / "catalogs.md").read_text()
    found = {}
    for match in _RECIPE.finditer(page):
        (entry,) = yaml.safe_load(match["entry"])["catalogs"].values()
        found[entry["path"]] = entry, shlex.split(match["command"].replace("\\\n", ""))[2:]
    return found


@pytest.fixture(scope="module")
def galaxies():
    """Galaxies over the whole sky with ids of 18 digits; a tenth is of no known kind."""
    generator, n = np.random.default_rng(12), 300
    table = pd.DataFrame({"id": [str(587722953303916935 + 7 * number) for number in range(n)]})
    table["ra"] = generator.uniform(0, 360, n)
    table["dec"] = np.degrees(np.arcsin(generator.uniform(-1, 1, n)))
    # Those that digits are lost of, and signs.
    table.loc[0, ["ra", "dec"]] = [0.0017, -0.006]
    table["kind"] = generator.choice(np.array(["spiral", "elliptical", None], object), n, p=[0.6, 0.3, 0.1])
    return table


def selected(path, galaxies):
    """The galaxies that a recipe keeps."""
    places = np.arange(len(galaxies))
    if path == "gz2_hart16.csv.gz":
        return galaxies[places % 5 > 0]
    if path == "gz_decals_volunteers_5.csv":
        return galaxies[places % 50 > 0]
    return galaxies[galaxies["kind"].notna()] if path in ("skyserver.csv", "data_hsc.csv") else galaxies


def made(entry, path):
    """The catalog that `make_catalog` makes of an entry."""
    base = {"active_experiments": [], "experiments": {}, "surveys": {}}
    complete = load({**base, "catalogs": {"mine": {**entry, "path": str(path)}}}).catalog("mine")
    return complete, galaxies_of_catalog(complete, str(path))[0]


def check_catalog(entry, path, expected):
    """Ids, positions to the digits that the file has, and labels."""
    entry, catalog = made(entry, path)
    assert len(catalog) == len(expected)
    if "source_id" in entry["columns"]:
        catalog = catalog.set_index("source_id").loc[expected["id"]]
    else:
        catalog = catalog.sort_values("ra")
        expected = expected.sort_values("ra")
    off = np.abs(catalog["ra"].to_numpy() - expected["ra"].to_numpy())
    assert (np.minimum(off, 360 - off) * np.cos(np.radians(expected["dec"].to_numpy())) < 1e-4).all()
    np.testing.assert_allclose(catalog["dec"], expected["dec"], atol=5e-5, rtol=0)
    classes = dict(zip(("elliptical", "spiral"), (0, 1), strict=True))
    np.testing.assert_array_equal(catalog["label"].astype(float), expected["kind"].map(classes).astype(float))


def counted(command):
    """Galaxies that the audit of a command line takes for positive and negative."""
    source, _ = audited_sources(parser.parse_args(command))
    found = overview(source)
    meaning = meanings_of(source, found.classes)["annotation0"]
    counts = found.classes["annotation0"]
    return [sum(counts[value] for value in values) for values in (meaning.positive, meaning.negative)]


def test_every_table_has_a_recipe(repository):
    assert list(recipes(repository)) == list(WRITERS)


@pytest.mark.parametrize("name", WRITERS)
def test_recipe(repository, tmp_path, galaxies, name):
    entry, command = recipes(repository)[name]
    WRITERS[name](tmp_path / name, galaxies)
    expected = selected(name, galaxies)
    check_catalog(entry, tmp_path / name, expected)
    assert command[0] == name
    kinds = expected["kind"].value_counts()
    wanted = [kinds["spiral"], kinds["elliptical"]]
    if "--score" in command:
        smooth = galaxies.assign(score=published.smooth_fraction(galaxies)).loc[expected.index, "score"]
        wanted = [(smooth >= 0.5).sum(), (smooth < 0.5).sum()]
    assert counted([str(tmp_path / name), *command[1:]]) == wanted


@pytest.mark.parametrize("suffix", [".vot", ".tsv", ".txt", ".psv"])
def test_vizier_sends_the_same_galaxies_in_every_form(repository, tmp_path, galaxies, suffix):
    entry, command = recipes(repository)["nair2010.fits"]
    path = tmp_path / f"nair2010{suffix}"
    published.vizier(path, galaxies)
    check_catalog(entry, path, galaxies)
    kinds = galaxies["kind"].value_counts()
    assert counted([str(path), *command[1:]]) == [kinds["spiral"], kinds["elliptical"]]


def test_votes_need_no_columns(tmp_path, galaxies):
    """Positions are guessed, ids are numbers of rows, and labels come from votes."""
    published.galaxy_zoo_1(tmp_path / "t.csv", galaxies)
    votes = {"spiral": {"P_CS": 0.8}, "elliptical": {"P_EL": 0.8}}
    _, catalog = made({"source": "file", "label_votes": votes}, tmp_path / "t.csv")
    assert (catalog["label"] == 1).sum() == (galaxies["kind"] == "spiral").sum()
    assert set(catalog["source_id"]) == {f"row{number}" for number in range(len(galaxies))}


def test_placeholders_of_dashes_can_be_named(tmp_path, galaxies):
    """The message on a placeholder proposes `--missing='--'`; argparse must not take it for the end of options."""
    table = galaxies.assign(kind=galaxies["kind"].fillna("--"))
    table.to_csv(tmp_path / "t.csv", index=False)
    kinds = galaxies["kind"].value_counts()
    command = [str(tmp_path / "t.csv"), "--label", "kind", "--missing=--", "--output", "o", "--missing", "unknown"]
    assert counted(command) == [kinds["spiral"], kinds["elliptical"]]


def test_a_download_of_two_tables_is_refused(tmp_path, galaxies):
    """VizieR writes all tables of a catalog below each other; rows of the second are no galaxies of the first."""
    published.vizier(tmp_path / "one.tsv", galaxies)
    text = (tmp_path / "one.tsv").read_text()
    (tmp_path / "t.tsv").write_text(text + text.replace("TType", "Flag"))
    entry = {"source": "file", "columns": {"source_id": "SDSS", "label": "TType"}, "label_values": {"4": "spiral"}}
    with pytest.raises(InputError, match=r"t\.tsv: .*it holds several tables, expected one"):
        made(entry, tmp_path / "t.tsv")


def test_real_spin_directions(repository, shared_data):
    entry, command = recipes(repository)["data_hsc.csv"]
    path = shared_data / "hsc_dr3_spins" / "data_hsc.csv"
    _, catalog = made(entry | {"hygiene": {"radius_arcsec": 0}}, path)
    assert len(catalog) == 13476
    assert counted([str(path), *command[1:]]) == [(catalog["label"] == number).sum() for number in (1, 0)]


def test_real_table_beside_images(shared_data, tmp_path):
    with tarfile.open(shared_data / "sdss_gz1" / "gz1_E_S_128px.tar") as archive:
        archive.extract("catalog.csv", tmp_path, filter="data")
    # Most positions are those of a field of the survey.
    entry = {"source": "file", "hygiene": {"radius_arcsec": 0}}
    entry["columns"] = {"source_id": "objid", "label": "binary", "file": "file"}
    _, catalog = made(entry, tmp_path / "catalog.csv")
    assert catalog["label"].value_counts().to_dict() == {0: 4545, 1: 1800}
    assert catalog["source_id"].str.len().eq(18).all()
    command = [str(tmp_path / "catalog.csv"), "--label", "binary", "--source-id", "objid", "--output", "o"]
    assert counted(command) == [1800, 4545]
