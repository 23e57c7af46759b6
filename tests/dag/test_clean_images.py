"""The image arrays can be deleted and made again without anything else being made again."""

import shutil

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture
def cleaned(workflow):
    """The finished run without its arrays, and their bytes; afterwards the results are put back."""
    kept = workflow.analysis.with_name("kept analysis")
    shutil.copytree(workflow.analysis, kept)
    arrays = {path: path.read_bytes() for path in (workflow.analysis / "results" / "images").rglob("tile*.npy")}
    assert len(arrays) == 3
    for path in arrays:
        path.unlink()
    yield workflow, arrays
    shutil.rmtree(workflow.analysis)
    kept.rename(workflow.analysis)


def test_deleted_arrays_are_not_missed(cleaned):
    workflow, _ = cleaned
    assert {rule for rule, _ in workflow.would_run()} <= {"prepare_images"}
    assert "Nothing to be done" in workflow.snakemake("--dry-run").stdout


def test_arrays_come_back_as_they_were_and_nothing_follows(cleaned):
    workflow, arrays = cleaned
    workflow.snakemake("images")
    assert {path: path.read_bytes() for path in arrays} == arrays
    assert workflow.would_run() == set()


def test_a_run_without_arrays_says_how_to_get_them(cleaned):
    workflow, _ = cleaned
    config = workflow.read_config()
    config["experiments"]["first"]["arms"]["halves"]["seeds"] = [0, 1]
    workflow.write_config(config)
    failed = workflow.snakemake(check=False)
    assert failed.returncode
    assert "`snakemake images` makes it again" in failed.stderr + failed.stdout
