"""Files whose names are written in another way in the catalog than on disk, and names made of columns."""

import json
import logging
import tracemalloc
import zipfile

import numpy as np
import pandas as pd
import pytest

from tests.unit.surveys.test_local_survey import jpeg, make, requests
from tests.unit.surveys.test_positions import changed
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.errors import InputError
from workflow_scripts.surveys.local import LocalSurvey, file_names
from workflow_scripts.surveys.name_matching import NameMatcher, difference, words_of
from workflow_scripts.surveys.name_patterns import pattern_columns

ENTRY = {"kind": "local", "file_column": "file"}
KINDS = ["folder", "zip", "tar", "tar.gz"]


def found(path, table, catalog=None, entry=ENTRY):
    survey = LocalSurvey(entry, path, catalog)
    return {result.source_id: result for result in survey.cutouts(table)}, survey


SAME_FILE = [
    # name in the catalog, file, words
    ("cutouts/1.jpg", "cutouts\\1.jpg", "slashes"),
    ("cutouts\\1.jpg", "cutouts/1.jpg", "slashes"),
    (".\\cutouts\\1.jpg", "cutouts/1.jpg", "slashes"),
    ("a//b/./1.jpg", "a/b/1.jpg", "slashes"),
    ("a/../1.jpg", "1.jpg", "slashes"),
    ("1.jpg  ", "1.jpg", "blanks"),
    ("a/ 1.jpg\t", "a/1.jpg", "blanks"),
    ("e\u0301toile.jpg", "\u00e9toile.jpg", "Unicode"),
    ("\u00e9toile.jpg", "e\u0301toile.jpg", "Unicode"),
    ("NGC%201.jpg", "NGC 1.jpg", "percent"),
    ("NGC 1.jpg", "NGC%201.jpg", "percent"),
    ("a%2F1.jpg", "a/1.jpg", "percent"),
    ("1.JPG", "1.jpg", "extension"),
    ("1.jpeg", "1.JPG", "extension"),
    ("1.fit", "1.fits", "extension"),
    ("1.jpg", "images_gz2/images/1.jpg", "folder levels"),
    ("images/1.jpg", "1.jpg", "folder levels"),
    ("/data/me/survey/images/1.jpg", "images/1.jpg", "folder levels"),
    ("C:\\Users\\me\\images\\1.jpg", "1.jpg", "folder levels"),
    ("\\\\server\\share\\1.jpg", "1.jpg", "folder levels"),
    ("file:///data/images/1.jpg", "1.jpg", "folder levels"),
    ("file://localhost/data/1.jpg", "data/1.jpg", "folder levels"),
    ("https://example.org/cutouts/1.jpg", "cutouts/1.jpg", "folder levels"),
    ("../images/1.jpg", "1.jpg", "folder levels"),
    ("1", "1.jpg", "no extension"),
    ("a/1", "b/a/1.PNG", "no extension"),
    ("Galaxy_1.jpg", "galaxy_1.jpg", "upper and lower case"),
    ("D:\\CUTOUTS\\A 1.JPG", "cutouts/a%201.jpg", "upper and lower case"),
]


@pytest.mark.parametrize(("name", "file", "words"), SAME_FILE)
def test_names_of_one_file(name, file, words):
    level, _ = difference(name, file)
    assert words in words_of(level)
    assert difference(file, name)[0] == level


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("1.jpg", "11.jpg"),
        ("a/1.jpg", "b/1.jpg"),
        ("1.jpg", "1.png"),
        ("1.fits", "1.jpg"),
        ("1.5", "1.jpg"),
        ("1", "1.jpg.txt"),
        ("", "1.jpg"),
        ("..", "1.jpg"),
        ("%", "1.jpg"),
        ("a%00.jpg", "a.jpg"),
    ],
)
def test_names_of_two_files(name, file):
    assert difference(name, file) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "file", "words"), SAME_FILE)
def test_the_one_file_that_is_meant_is_read(tmp_path, kind, name, file, words, caplog):
    caplog.set_level(logging.INFO)
    files = {file: jpeg(1), "other/2.jpg": jpeg(2), "other/3.jpg": jpeg(3)}
    results, survey = found(make(kind, tmp_path / "images", files), requests(name, "other/2.jpg"))
    assert [results[each].image for each in ("g0", "g1")] == [jpeg(1), jpeg(2)]
    assert survey.about_names == ""
    # `zipfile` itself has slashes only on Windows; a tar or folder may be written with either.
    if results["g0"].origin != name:
        assert results["g0"].origin == file
        assert f"1 by {words}" in caplog.text or words in caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_several_files_may_have_means_none(tmp_path, kind):
    files = {"a/1.jpg": jpeg(1), "b/1.jpg": jpeg(2), "2.jpg": jpeg(3), "old/2.jpg": jpeg(4), "c/3.JPG": jpeg(5)}
    results, survey = found(make(kind, tmp_path / "images", files), requests("1.jpg", "2.jpg", "3.jpg", "9.jpg"))
    assert [results[f"g{n}"].outcome for n in range(4)] == ["failed", "delivered", "delivered", "failed"]
    assert results["g0"].reason == "several files may be meant by the name"
    assert results["g1"].image == jpeg(3)
    assert survey.about_names.startswith("the catalog has file names such as '1.jpg', '9.jpg', and ")
    assert survey.about_names.endswith("images has '2.jpg', 'a/1.jpg', 'b/1.jpg'")


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_of_one_galaxy_is_never_taken_for_that_of_another(tmp_path, kind):
    """Also where the other galaxy is in another tile."""
    path = make(kind, tmp_path / "images", {"1.jpg": jpeg(1), "x/b/2.jpg": jpeg(2)})
    table = requests("1.jpg", "a/1.jpg", "a/2.jpg", "b/2.jpg")
    results, _ = found(path, table)
    assert [results[f"g{n}"].outcome for n in range(4)] == ["delivered", "failed", "failed", "delivered"]
    assert results["g1"].reason == "the only such file may be that of another galaxy"
    table.to_parquet(tmp_path / "catalog.parquet")
    results, _ = found(path, table.iloc[1:2], tmp_path / "catalog.parquet")
    assert results["g1"].outcome == "failed"
    results, _ = found(path, table.iloc[3:], tmp_path / "catalog.parquet")
    assert results["g3"].image == jpeg(2)
    # The one that is closer has it.
    path = make(kind, tmp_path / "more", {"x/b/2.jpg": jpeg(2)})
    results, _ = found(path, requests("2.jpg", "b/2.jpg"))
    assert [results[f"g{n}"].outcome for n in range(2)] == ["failed", "delivered"]


def test_paths_from_the_root_into_the_folder(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    path = make("folder", tmp_path / "images", {"1.jpg": jpeg(1), "images/1.jpg": jpeg(2)})
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "secret.jpg").write_bytes(jpeg(9))
    table = requests(str(path / "1.jpg"), str(path / ".." / "secret.jpg"), str(tmp_path / "secret.jpg"), "/etc/passwd")
    for folder in (path, tmp_path / "link"):
        results, _ = found(folder, table)
        assert [results[f"g{n}"].image for n in range(4)] == [jpeg(1), None, None, None]
        assert [results[f"g{n}"].outcome for n in range(1, 4)] == ["rejected"] * 3
    assert "1 by a path from the root into the folder" in caplog.text


def test_names_in_a_zip_that_does_not_say_that_they_are_utf8(tmp_path):
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("xx_1.jpg", jpeg(1))
    path = tmp_path / "images.zip"
    path.write_bytes(path.read_bytes().replace(b"xx_1", "é_1".encode()[:4]).replace(b"xx_1", b"????"))
    results, _ = found(path, requests("é_1.jpg"))
    assert results["g0"].outcome == "delivered"


def test_memory_does_not_grow_with_the_number_of_files():
    matcher = NameMatcher([f"{number}.jpg" for number in range(100)])
    for number in range(1000):
        matcher.see(f"images/{number}.jpg")
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(1000, 50_000):
        matcher.see(f"images/{number}.jpg")
        matcher.see(f"{number}/5.jpg")
    assert tracemalloc.get_traced_memory()[0] - before < 200_000
    tracemalloc.stop()
    assert not matcher.best["5.jpg"].is_alone
    assert matcher.best["7.jpg"].file == "images/7.jpg"


def test_a_folder_whose_names_are_all_there_is_not_listed(tmp_path, monkeypatch):
    path = make("folder", tmp_path / "images")
    monkeypatch.setattr("workflow_scripts.surveys.image_sources.os.scandir", None)
    results, _ = found(path, requests("1.jpg", "deep/er/7.jpg"))
    assert {result.outcome for result in results.values()} == {"delivered"}


def test_links_that_go_round_in_a_folder(tmp_path):
    path = make("folder", tmp_path / "images", {"a/1.jpg": jpeg(1)})
    (path / "a" / "round").symlink_to(path)
    results, _ = found(path, requests("1.jpg"))
    assert results["g0"].image == jpeg(1)


@pytest.mark.parametrize(
    ("pattern", "columns"),
    [("{a}.jpg", ["a"]), ("{f}/{n:06d}_{f}.png", ["f", "n"]), ("x{{1}}{a}.fits", ["a"]), ("{n:6}", ["n"])],
)
def test_columns_of_a_pattern(pattern, columns):
    assert pattern_columns(pattern) == columns


@pytest.mark.parametrize(
    "pattern", ["a.jpg", "{a", "{}", "{0}.jpg", "{a.__class__}", "{a[0]}", "{a!r}", "{a:>999999999}", "{a:099999d}"]
)
def test_patterns_that_are_refused(pattern):
    with pytest.raises(InputError, match=r"expected|is no pattern") as caught:
        pattern_columns(pattern)
    assert pattern in str(caught.value)


def test_names_made_of_columns(tmp_path):
    table = pd.DataFrame(
        {
            "source_id": ["1237648720693755900", "2", "3"],
            "asset": pd.array([7, 8, None], dtype="Int64"),
            "number": [1.0, 2.0, np.nan],
            "field": ["f1", "..", None],
        }
    )
    assert file_names(table, {}).tolist() == ["1237648720693755900.jpg", "2.jpg", "3.jpg"]
    made = file_names(table, {"file_pattern": "{asset}.jpg"})
    assert made.tolist()[:2] == ["7.jpg", "8.jpg"]
    assert made.isna().tolist() == [False, False, True]
    assert file_names(table, {"file_pattern": "{field}/{number:04d}.png"}).tolist()[:2] == [
        "f1/0001.png",
        "../0002.png",
    ]
    path = make("folder", tmp_path / "images", {"7.jpg": jpeg(1)})
    results, survey = found(path, table.assign(ra=1.0, dec=1.0), entry={"file_pattern": "{asset}.jpg"})
    assert [result.outcome for result in results.values()] == ["delivered", "failed", "failed"]
    assert results["3"].reason == "the catalog has no value for the file name"
    assert "'8.jpg'" in survey.about_names
    with_files = table.assign(file=["a.jpg", None, None])
    assert file_names(with_files, {"file_pattern": "{asset}.jpg"}).tolist()[:2] == ["a.jpg", "8.jpg"]


@pytest.mark.parametrize(
    ("pattern", "values", "message"),
    [
        ("{asset}.jpg", [1.5], "not whole"),
        ("{asset}.jpg", [1e18], "lost digits"),
        ("{asset:06d}.jpg", ["a"], "does not fit the catalog"),
        ("{other}.jpg", [1], r"no column 'other' \(surveys, file_pattern\), expected one of source_id, asset"),
    ],
)
def test_columns_that_make_no_names(pattern, values, message):
    table = pd.DataFrame({"source_id": ["1"], "asset": values})
    with pytest.raises(InputError, match=message):
        file_names(table, {"file_pattern": pattern})


def with_survey(**keys) -> dict:
    config = changed("catalogs", "zoo", "columns", "asset", value="asset_id")
    return config | {"surveys": {"mine": {"kind": "local", "catalog": "zoo", "path": "images", **keys}}}


def test_a_pattern_decides_what_is_read_and_what_reruns():
    plain, made = load(with_survey()), load(with_survey(file_pattern="{asset}.jpg"))
    assert "asset" not in plain.positions_parameter("mine")["columns"]
    assert made.positions_parameter("mine")["columns"]["asset"] == "asset_id"
    assert json.loads(as_parameter(made.survey_parameter("mine")))["file_pattern"] == "{asset}.jpg"
    assert made.survey_parameter("mine") != plain.survey_parameter("mine")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"file_pattern": "{aset}.jpg"},
            "surveys.mine.file_pattern names the column 'aset', which the catalog 'zoo' has",
        ),
        ({"file_pattern": "{aset}.jpg"}, "did you mean 'asset'"),
        ({"file_pattern": "image.jpg"}, "names no column, expected one in braces"),
        ({"file_pattern": "{asset"}, "surveys.mine.file_pattern is '{asset', which is no pattern"),
        ({"file_column": "photo"}, "surveys.mine.file_column names the column 'photo', which the catalog"),
    ],
)
def test_names_that_no_catalog_can_give_are_refused_at_the_start(keys, message):
    with pytest.raises(InputError, match=message):
        load(with_survey(**keys))
