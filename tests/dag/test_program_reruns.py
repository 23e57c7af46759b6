"""A network that is a program of the user's: an edit of the program trains its networks again, and no other."""

import os
import shutil

import pytest

pytestmark = pytest.mark.slow

RUN = "pixels/north/own/resample0_seed0"
OWN = {
    "command": {
        "train": "own/fit.py train {images} {labels} {model} {seed}",
        "annotate": "own/fit.py annotate {images} {ids} {model} {scores}.npy",
    },
    "python": "python",
    "files": ["own"],
    "recipe": "small",
}


def runs(workflow):
    """{(rule, folder below results/)} of all trainings and annotations that would run."""
    of_runs = ("train", "train_program", "annotate", "annotate_program")
    return {(rule, os.path.dirname(path)[8:]) for rule, path in workflow.would_run() if rule in of_runs}  # noqa: PTH120


def test_an_edited_program_repeats_its_own_runs_alone(workflow, repository):
    config = workflow.read_config()
    config["networks"]["own"] = OWN
    config["experiments"]["first"]["arms"]["control"]["networks"] = ["net", "own"]
    workflow.write_config(config)
    both = {("train_program", f"training/{RUN}"), ("annotate_program", f"inference/{RUN}")}
    folder = workflow.analysis / "own"
    folder.mkdir()
    program = folder / "fit.py"
    shutil.copyfile(repository / "tests" / "unit" / "networks" / "nearest_centroid.py", program)
    workflow.snakemake(f"results/inference/{RUN}/annotations.parquet")
    kept = program.read_text()
    os.utime(program)
    assert runs(workflow) == set()
    program.write_text(kept + "\n# a comment counts: the program is not read, its bytes are\n")
    assert runs(workflow) == both
    program.write_text(kept)
    assert runs(workflow) == set()
    (folder / "head.py").write_text("x = 1\n")
    assert runs(workflow) == both
    (folder / "head.py").unlink()
    config["networks"]["own"] = {**OWN, "threads": 2}
    workflow.write_config(config)
    assert runs(workflow) == both
