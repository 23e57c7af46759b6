"""Networks that are programs of the user's: what they are given, what is taken from them, and how they end."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow_scripts import annotate_program, train_program

PROGRAM = Path(__file__).with_name("nearest_centroid.py")
TRAIN = "program.py train {images} {labels} {model} {seed}"
ANNOTATE = "program.py annotate {images} {ids} {model} {scores}.npy"


def of_program(train=TRAIN, annotate=ANNOTATE, **changes):
    entry = {
        "architecture": "program",
        "command": {"train": train, "annotate": annotate},
        "recipe": "tiny",
        "threads": 3,
    }
    return json.dumps({"python": sys.executable, **entry, **changes})


def training(entry, seed=0):
    made = {"--model": "model.tar", "--history": "history.csv", "--run": "run.json"}
    outputs = [word for option, name in made.items() for word in (option, f"run/{name}")]
    given = ["--training-set", "training_set.parquet", "--index", "images/index.parquet", "--footprint", "north"]
    return ["--network", entry, "--name", "mine", *given, "--seed", str(seed), "--resume-folder", "resume", *outputs]


def annotating(entry):
    given = ["--model", "run/model.tar", "--training-set", "training_set.parquet", "--index", "images/index.parquet"]
    given += ["--catalog", "catalog.parquet", "--resume-folder", "resume", "--output", "run/annotations.parquet"]
    return ["--network", entry, "--name", "mine", *given]


@pytest.fixture
def folder(tiny_survey):
    """The tiny survey with the program beside it and no outputs."""
    for name in ("run", "resume"):
        shutil.rmtree(tiny_survey / name, ignore_errors=True)
    shutil.copyfile(PROGRAM, tiny_survey / "program.py")
    return tiny_survey


@pytest.fixture(scope="session")
def kept_model():
    """The model of an undisturbed training, kept between tests."""
    return []


@pytest.fixture
def trained(folder, run_here, kept_model):
    """The folder with a trained run."""
    if not kept_model:
        run_here(train_program, *training(of_program()))
        kept_model.append((folder / "run" / "model.tar").read_bytes())
    (folder / "run").mkdir(exist_ok=True)
    (folder / "run" / "model.tar").write_bytes(kept_model[0])
    return folder


def written_program(folder, body):
    """A program that does one thing in place of the classifier: `given` are its arguments."""
    (folder / "program.py").write_text(f"import os, sys, time\nimport numpy as np\ngiven = sys.argv[1:]\n{body}\n")


def sentence(output):
    (line,) = [line for line in output.splitlines() if line.startswith(("error: ", "failed: "))]
    assert "Traceback" not in output
    return line


def test_a_program_is_trained_and_annotates(folder, run_here):
    run_here(train_program, *training(of_program()))
    run = json.loads((folder / "run" / "run.json").read_text())
    assert run["program"] == {"numpy": np.__version__}
    assert set(run["inputs"]) == {"training_set.parquet", "images/index.parquet", "program.py"}
    assert run["seeds"] == {"training": 0}
    assert sum(run["training"]["n_train"].values()) == 200
    with tarfile.open(folder / "run" / "model.tar") as archive:
        assert archive.getnames() == ["record.json", "model", "model/means.npy", "model/state.json"]
        state = json.loads(archive.extractfile("model/state.json").read())
    # The threads of the entry, and none of the variables that skybias's own steps are started with.
    assert state["OMP_NUM_THREADS"] == "3"
    assert state["PYTHONSAFEPATH"] is None
    run_here(annotate_program, *annotating(of_program()))
    table = pd.read_parquet(folder / "run" / "annotations.parquet")
    catalog = pd.read_parquet(folder / "catalog.parquet").set_index("source_id")
    assert list(table.columns) == ["source_id", "ra", "dec", "score", "label"]
    assert len(table) == 400
    assert (table["label"] == (table["score"] > 0.5)).all()
    assert (table["label"].to_numpy() == catalog.loc[table["source_id"], "label"].to_numpy()).mean() > 0.9
    assert (table["ra"].to_numpy() == catalog.loc[table["source_id"], "ra"].to_numpy()).all()
    # Nothing of the work is left.
    assert list((folder / "resume").iterdir()) == []


def test_the_same_bytes_again_and_others_with_another_seed(folder, run_here):
    def outcome(seed):
        shutil.rmtree(folder / "run", ignore_errors=True)
        run_here(train_program, *training(of_program(), seed))
        run_here(annotate_program, *annotating(of_program()))
        return [(folder / "run" / name).read_bytes() for name in ("model.tar", "run.json", "annotations.parquet")]

    first = outcome(0)
    assert outcome(0) == first
    assert all(one != other for one, other in zip(outcome(1), first, strict=True))


def test_scores_as_a_table_are_those_of_the_array(trained, run_here):
    tables = []
    for scores in ("{scores}.npy", "{scores}.csv"):
        run_here(annotate_program, *annotating(of_program(annotate=ANNOTATE.replace("{scores}.npy", scores))))
        tables.append(pd.read_parquet(trained / "run" / "annotations.parquet"))
    pd.testing.assert_frame_equal(*tables)


@pytest.fixture
def three_classes(folder, run_here, monkeypatch):
    """A program that is trained on three classes, the third of which are half of those of the first."""
    whole = (folder / "training_set.parquet").read_bytes()
    galaxies = pd.read_parquet(folder / "training_set.parquet")
    third = (galaxies["label"] == 0) & (np.arange(len(galaxies)) % 4 < 2)
    galaxies.assign(label=galaxies["label"].mask(third, 2)).to_parquet(folder / "training_set.parquet", index=False)
    run_here(train_program, *training(of_program()))
    yield folder
    # Other tests read the folder, too.
    (folder / "training_set.parquet").write_bytes(whole)


def test_a_program_of_three_classes_gives_a_score_for_each(three_classes, run_here):
    tables = []
    for scores in ("{scores}.npy", "{scores}.csv"):
        run_here(annotate_program, *annotating(of_program(annotate=ANNOTATE.replace("{scores}.npy", scores))))
        tables.append(pd.read_parquet(three_classes / "run" / "annotations.parquet"))
    pd.testing.assert_frame_equal(*tables)
    assert list(tables[0]) == ["source_id", "ra", "dec", "score_0", "score_1", "score_2", "label"]
    scores = tables[0][["score_0", "score_1", "score_2"]].to_numpy()
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert (tables[0]["label"] == scores.argmax(axis=1)).all()
    assert set(tables[0]["label"]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("np.save(given[4], np.zeros(400))", "scores.npy has shape (400,), expected (400, 3), a score for each class"),
        ("np.save(given[4], np.full((400, 3), 0.5))", "the scores of g0000 add up to 1.5, expected the probability"),
        ("np.save(given[4], np.full((400, 3), np.nan))", "the score of g0000 is not finite"),
    ],
)
def test_scores_of_three_classes_that_are_none_are_one_sentence(three_classes, run_here, body, expected):
    written_program(three_classes, body)
    output = run_here(annotate_program, *annotating(of_program()), expect=2)
    assert expected.replace("g0000", first_annotated(three_classes)) in sentence(output)


def test_a_blur_is_seen_by_the_program(folder, run_here):
    models = []
    for changes in ({}, {"blur_fwhm_px": 4.0}):
        run_here(train_program, *training(of_program(**changes)))
        with tarfile.open(folder / "run" / "model.tar") as archive:
            models.append(archive.extractfile("model/means.npy").read())
    assert models[0] != models[1]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("sys.exit('no such layer: conv9')", "failed: networks.mine: the program of command.train ended with status 1"),
        ("sys.exit('no such layer: conv9')", "no such layer: conv9"),
        ("os.kill(os.getpid(), 9)", "ended with signal SIGKILL, expected status 0; it printed nothing"),
        ("pass", "error: networks.mine: the program wrote nothing as {model}, expected one file or folder"),
        ("os.mkdir(given[3]); os.symlink('/etc/passwd', given[3] + '/weights')", "has weights, a link or device"),
        ("open(given[3], 'w'); open(given[3] + '.pt', 'w')", "the program wrote model, model.pt as {model}"),
        ("print('\\x1b[31mred\\x07'); sys.exit(3)", "its last lines: [31mred"),
    ],
)
def test_a_training_that_fails_is_one_sentence(folder, run_here, body, expected):
    written_program(folder, body)
    output = run_here(train_program, *training(of_program()), expect=2)
    assert expected in sentence(output)
    assert not (folder / "run").exists() or list((folder / "run").iterdir()) == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("np.save(given[4], np.full(400, np.nan))", "failed: networks.mine: the score of g0000 is not finite"),
        (
            "np.save(given[4], np.full(400, 1.5))",
            "failed: networks.mine: scores are 1.5 to 1.5, expected probabilities",
        ),
        ("np.save(given[4], np.zeros(399))", "error: networks.mine: scores.npy has shape (399,), expected (400,)"),
        ("np.save(given[4], np.array([{}], object), allow_pickle=True)", "scores.npy is not an array of numbers"),
        ("open(given[4], 'w').write('x' * 10**7)", "wrote a scores.npy of 10000000 bytes or a link, expected a file"),
        ("os.symlink('/etc/passwd', given[4])", "bytes or a link, expected a file"),
        ("pass", "the program wrote nothing as {scores}"),
        (
            "open(given[4] + '.gz', 'w')",
            "the program wrote 'scores.npy.gz', expected scores as .npy or .csv or .parquet",
        ),
    ],
)
def test_scores_that_are_none_are_one_sentence(trained, run_here, body, expected):
    written_program(trained, body)
    output = run_here(annotate_program, *annotating(of_program()), expect=2)
    assert expected.replace("g0000", first_annotated(trained)) in sentence(output)
    assert not (trained / "run" / "annotations.parquet").exists()


def first_annotated(folder):
    catalog = pd.read_parquet(folder / "catalog.parquet").set_index("source_id")
    index = pd.read_parquet(folder / "images" / "index.parquet")["source_id"]
    return next(name for name in index if catalog.loc[name, "split"] == "annotation")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda rows: rows[:1] + rows[2:], "has 399 rows, expected 400"),
        (lambda rows: [rows[0], rows[2], rows[1], *rows[3:]], "row 1 of scores.csv is of"),
        (lambda rows: [["source_id", "probability"], *rows[1:]], "lacks the column score"),
        (lambda rows: [rows[0], [rows[1][0], "spiral"], *rows[2:]], "has 1 scores that are no numbers"),
        (lambda rows: [rows[0], [rows[1][0], ""], *rows[2:]], "is not finite"),
    ],
)
def test_a_table_of_other_galaxies_is_refused(trained, run_here, change, expected):
    entry = of_program(annotate=ANNOTATE.replace(".npy", ".csv"))
    names = pd.read_parquet(trained / "images" / "index.parquet")["source_id"]
    catalog = pd.read_parquet(trained / "catalog.parquet").set_index("source_id")
    rows = [["source_id", "score"], *([name, "0.5"] for name in names if catalog.loc[name, "split"] == "annotation")]
    with open(trained / "given.csv", "w", newline="") as file:
        csv.writer(file).writerows(change(rows))
    written_program(trained, "import shutil\nshutil.copyfile('given.csv', given[4])")
    assert expected in sentence(run_here(annotate_program, *annotating(entry), expect=2))


def test_a_damaged_or_foreign_model_is_refused(trained, run_here, tmp_path):
    model = trained / "run" / "model.tar"
    whole = model.read_bytes()
    (tmp_path / "passwd").write_text("x")
    with tarfile.open(model, "w") as archive:
        archive.add(tmp_path / "passwd", "model/../../passwd")
    assert "holds 'model/../../passwd'" in sentence(run_here(annotate_program, *annotating(of_program()), expect=2))
    for content in (b"", b"hello", whole[:700]):
        model.write_bytes(content)
        assert "is damaged" in sentence(run_here(annotate_program, *annotating(of_program()), expect=2))


def test_a_program_that_is_not_there_is_named(folder, run_here):
    output = run_here(train_program, *training(of_program(python="no/such/python")), expect=2)
    assert "error: networks.mine: 'no/such/python' cannot be run" in sentence(output)


def test_conda_is_given_the_environment(folder, run_here, monkeypatch):
    """A conda that only writes what it was started with."""
    conda = folder / "conda"
    conda.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > conda.txt\nexit 1\n')
    conda.chmod(0o755)
    monkeypatch.setenv("CONDA_EXE", str(conda))
    entry = json.loads(of_program(train="python program.py train {images} {labels} {model} 'a b'", conda="zoo"))
    del entry["python"]
    run_here(train_program, *training(json.dumps(entry)), expect=2)
    words = (folder / "conda.txt").read_text().splitlines()
    assert words[:6] == ["run", "--no-capture-output", "--name", "zoo", "python", "program.py"]
    assert words[-1] == "a b"


# It notes its progress in {resume}, and starts a process that would outlive it.
SLOW = """
import subprocess
folder = given[4]
done = len(os.listdir(folder))
open(os.path.join(folder, f"step{done}"), "w").close()
if done == 0:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    open("children.txt", "w").write(f"{os.getpid()} {child.pid}")
    time.sleep(60)
open(given[3], "w").write(f"after {done} steps")
"""


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the state of processes from /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_step_takes_its_program_along_and_resumes(folder, repository, run_here, number):
    written_program(folder, SLOW)
    entry = of_program(train="program.py train {images} {labels} {model}.pt {resume}")
    command = [sys.executable, "-m", "workflow_scripts.train_program", *training(entry)]
    noted = folder / "children.txt"
    noted.unlink(missing_ok=True)
    environment = os.environ | {"PYTHONPATH": str(repository)}
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as step:
        deadline = time.monotonic() + 60
        while not (noted.exists() and noted.read_text().count(" ")) and time.monotonic() < deadline:
            time.sleep(0.05)
        program, child = noted.read_text().split()
        assert alive(program)
        step.send_signal(number)
    deadline = time.monotonic() + 10
    while (alive(program) or alive(child)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(program)
    assert not alive(child)
    assert not (folder / "run" / "model.tar").exists()
    run_here(train_program, *training(entry))
    with tarfile.open(folder / "run" / "model.tar") as archive:
        assert archive.extractfile("model.pt").read() == b"after 1 steps"
    assert list((folder / "resume").iterdir()) == []
