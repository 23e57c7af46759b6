"""What an archive holds, that it says where everything is from, and when none is made."""

import base64
import hashlib
import json
import os
import zipfile
from types import SimpleNamespace

import pytest
import yaml

from tests.unit.crates.conftest import ANNOTATIONS, MODEL, TABLE, TABLE_SHA256
from workflow_scripts.archive_experiment import main, named_author, parser
from workflow_scripts.configuration.loading import load
from workflow_scripts.crates.experiment_archive import write_archive
from workflow_scripts.errors import InputError


def members(finished, experiment: str = "first") -> dict[str, bytes]:
    path = write_archive(finished.run, "experiment", experiment, "make it", finished.checkout)
    assert path == finished.folder / f"results/archive/{experiment}.zip"
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def graph_of(found: dict[str, bytes]) -> dict[str, dict]:
    return {entity["@id"]: entity for entity in json.loads(found["ro-crate-metadata.json"])["@graph"]}


def ids(value) -> list[str]:
    return [entity["@id"] for entity in (value if isinstance(value, list) else [value])]


def digest_id(sha256: str) -> str:
    return "ni:///sha-256;" + base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")


def test_holds_code_configuration_and_the_results_of_one_experiment(finished):
    assert set(members(finished)) == {
        *("CITATION.cff", "LICENSE", "README.md", "ro-crate-metadata.json"),
        *("code/CITATION.cff", "code/LICENSE", "code/Snakefile", "code/run.sh"),
        *("configuration.yaml", "configuration_resolved.yaml"),
        *("results/bias/first/runs.csv", "results/bias/first/summary.json"),
        *("results/report/first/figures/run_dots.png", "results/report/first/verdict.html"),
    }


def test_code_is_that_of_the_commit_whatever_lies_in_the_checkout_now(finished):
    (finished.checkout / "Snakefile").write_text("changed")
    (finished.checkout / "new.py").write_text("new")
    found = members(finished)
    assert found["code/Snakefile"] == b"rule all:\n"
    assert "code/new.py" not in found


def test_same_results_give_the_same_bytes(finished):
    path = write_archive(finished.run, "experiment", "first", "make it", finished.checkout)
    first = path.read_bytes()
    for file in finished.folder.rglob("*.*"):
        os.utime(file, (10, 10))
    assert write_archive(finished.run, "experiment", "first", "make it", finished.checkout).read_bytes() == first


def test_programs_can_be_executed(finished):
    path = write_archive(finished.run, "experiment", "first", "make it", finished.checkout)
    with zipfile.ZipFile(path) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert {name for name, mode in modes.items() if mode == 0o100755} == {"code/run.sh"}
    assert modes["code/"] == 0o040755


def test_metadata_give_digest_and_size_of_every_file(finished):
    found = members(finished)
    graph = graph_of(found)
    for name, content in found.items():
        if name == "ro-crate-metadata.json" or (name.startswith("code/") and name != "code/Snakefile"):
            continue
        assert graph[name]["sha256"] == hashlib.sha256(content).hexdigest(), name
        assert graph[name]["contentSize"] == str(len(content))
        assert name in ids(graph["./"]["hasPart"])


def test_data_are_what_the_run_used_and_products_what_it_made(finished):
    graph = graph_of(members(finished))
    run = graph["#run"]
    assert run["instrument"] == {"@id": "code/Snakefile"}
    table, model = graph[digest_id(TABLE_SHA256)], graph[digest_id(hashlib.sha256(b"weights").hexdigest())]
    training_set = graph[digest_id("cd" * 32)]
    assert (table["name"], table["sha256"]) == ("galaxies.fits", TABLE_SHA256)
    assert (model["name"], training_set["name"].split("/")[-1]) == (MODEL, "training_set.parquet")
    assert table["@id"] in ids(run["object"])
    assert {model["@id"], training_set["@id"]} <= set(ids(run["result"]))
    assert {"configuration.yaml", "configuration_resolved.yaml"} <= set(ids(run["object"]))
    assert {"results/bias/first/summary.json", "results/report/first/verdict.html"} <= set(ids(run["result"]))
    annotations = [entity for entity in graph.values() if entity.get("name") == ANNOTATIONS]
    assert ids(annotations)[0] in ids(run["result"])


def test_authors_and_licence_are_those_of_the_citation_file(finished):
    graph = graph_of(members(finished))
    first, second = (graph[author] for author in ids(graph["code/"]["author"]))
    assert first == {
        "@id": "https://orcid.org/0000-0000-0000-0000",
        "@type": "Person",
        "name": "Henrietta Leavitt",
        "givenName": "Henrietta",
        "familyName": "Leavitt",
    }
    assert (second["@type"], second["name"]) == ("Organization", "An observatory")
    assert graph["./"]["license"] == {"@id": "https://spdx.org/licenses/BSD-3-Clause"}
    assert graph["./"]["citation"] == {"@id": "https://arxiv.org/abs/2201.03131"}
    # Who made the experiment is recorded nowhere, but may be stated.
    assert "author" not in graph["./"]


def test_authors_of_the_results_are_those_that_are_stated(finished):
    authors = [named_author("Cannon, Annie Jump 0000-0000-0000-000X"), named_author("Fleming, Williamina")]
    path = write_archive(finished.run, "experiment", "first", "make it", finished.checkout, authors)
    with zipfile.ZipFile(path) as archive:
        graph = graph_of({"ro-crate-metadata.json": archive.read("ro-crate-metadata.json")})
    first, second = (graph[author] for author in ids(graph["./"]["author"]))
    assert (first["@id"], first["name"]) == ("https://orcid.org/0000-0000-0000-000X", "Annie Jump Cannon")
    assert (second["@type"], second["familyName"]) == ("Person", "Fleming")
    # Those of the code are as they were.
    assert graph[ids(graph["code/"]["author"])[0]]["familyName"] == "Leavitt"
    for wrong in ("Annie Cannon", "Cannon, Annie, 0000", ""):
        with pytest.raises(InputError, match="is no author, expected 'Family, Given'"):
            named_author(wrong)


def test_what_the_answers_rest_on_beside_the_runs_is_in_the_archive(finished):
    further = (
        *("causes/first/shares.json", "remedies/first/comparison.json", "remedies/first/remedies.csv"),
        *("correction/first/correction.json", "correction/first/maps/debiased_fraction.fits"),
        "correction/first/maps/debiased_fraction.hsp",
    )
    for name in further:
        path = finished.folder / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert {f"results/{name}" for name in further} <= set(members(finished))


def test_nobody_and_no_folder_is_named(finished, tmp_path, caplog):
    run = finished.run
    run.settings.resolved["networks"]["net"]["weights"] = f"{tmp_path}/weights.h5"
    run.written["description"] = ["~/weights.h5"]
    path = write_archive(run, "experiment", "first", "make it", finished.checkout)
    with zipfile.ZipFile(path) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist() if not name.startswith("code/")}
    assert "weights: weights.h5" in texts["configuration_resolved.yaml"]
    assert "- weights.h5" in texts["configuration.yaml"]
    for text in texts.values():
        assert str(tmp_path) not in text
        assert "somebody" not in text
    assert caplog.text == ""


def test_a_result_that_names_a_folder_is_pointed_at(finished, caplog):
    (finished.folder / "results/bias/first/runs.csv").write_text(f"path\n{finished.folder}/x\n")
    members(finished)
    assert "results/bias/first/runs.csv names a folder of this machine" in caplog.text


@pytest.mark.parametrize("name", ["configuration", "configuration_resolved"])
def test_configuration_can_be_run_again(finished, name):
    again = load(yaml.safe_load(members(finished)[f"{name}.yaml"]))
    assert again.completed == finished.run.settings.completed | {"contact": None}


def test_an_audit_has_an_archive_of_its_own(finished):
    """With the name of an experiment, from which it takes nothing."""
    summary = json.loads(finished.summary.read_text())
    del summary["simulated"]
    summary |= {"headline": "The labels are even.", "inputs": {TABLE: TABLE_SHA256}}
    results = finished.folder / "results"
    for name, text in {
        "audit/first/summary.json": json.dumps(summary),
        "audit/first/audit.html": "<html>",
        "audit/first/figures/amplitude.png": "",
        "correction/audits/first/bias.json": "{}",
    }.items():
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_text(text)
    path = write_archive(finished.run, "audit", "first", "make it", finished.checkout)
    assert path == results / "archive/audits/first.zip"
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    assert {name for name in found if name.startswith("results/")} == {
        *("results/audit/first/audit.html", "results/audit/first/figures/amplitude.png"),
        *("results/audit/first/summary.json", "results/correction/audits/first/bias.json"),
    }
    graph = graph_of(found)
    assert graph["./"]["name"] == "skybias: audit first"
    assert "simulated" not in graph["./"]["description"]
    assert graph[digest_id(TABLE_SHA256)]["@id"] in ids(graph["#run"]["object"])
    assert "`results/audit/first/`" in found["README.md"].decode()
    assert "results/bias" not in found["README.md"].decode()


def test_uncommitted_changes_are_recorded(finished, caplog):
    finished.edit_summary(dirty=True)
    found = members(finished)
    words = "with changes that were not committed and are not in this archive"
    assert words in graph_of(found)["./"]["description"]
    assert words in found["README.md"].decode()
    assert words in caplog.text


@pytest.mark.parametrize(
    ("git", "sentence"),
    [
        ({"commit": None}, "summary.json: names no commit, because its code was in no git checkout; expected results"),
        ({"commit": "0" * 40}, "commit 0000000000.* is not here; expected a git checkout that has it"),
        ({"commit": "--output=/tmp/x"}, "is not the name of a commit"),
    ],
)
def test_results_of_code_that_is_not_here_are_refused(finished, git, sentence):
    finished.edit_summary(**git)
    with pytest.raises(InputError, match=sentence):
        members(finished)
    assert not (finished.folder / "results/archive").exists()


def test_unfinished_results_are_refused_with_what_makes_them(finished):
    def job(number, rule, outputs, needs, to_do):
        return SimpleNamespace(number=number, rule=rule, outputs=outputs, needs=needs, to_do=to_do)

    run = finished.run
    run.jobs = [
        job(0, "train", ("model.keras",), (), True),
        job(1, "measure_bias", ("results/bias/first/summary.json",), (0,), True),
        job(2, "measure_bias", ("results/bias/second/summary.json",), (), True),
    ]
    with pytest.raises(InputError) as error:
        write_archive(run, "experiment", "first", "skybias run", finished.checkout)
    assert str(error.value) == (
        "experiment 'first' has no results, or not those of this configuration and code: 2 jobs are to do"
        " (train, measure_bias); run `skybias run` first"
    )
    run.jobs = run.jobs[2:]
    assert write_archive(run, "experiment", "first", "skybias run", finished.checkout).is_file()


@pytest.mark.parametrize("name", ["../first", "a/b", "", "1st", "first\n", ".", "-x", "é"])
def test_names_that_are_no_names_are_refused_before_anything_is_read(name, tmp_path):
    arguments = parser.parse_args([f"--experiments={name}", "--directory", str(tmp_path / "absent")])
    with pytest.raises(InputError, match="is no name of an experiment"):
        main(arguments)
