"""What is used of Snakemake beyond its documentation is listed in one place, and is still there."""

import re

from snakemake.api import SnakemakeApi  # noqa: F401, what follows cannot be imported before
from snakemake.modules import WorkflowModifier
from snakemake.path_modifier import PathModifier
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.workflow import Workflow

from workflow_scripts.planning import dry_run


def test_the_list_is_complete_and_nothing_on_it_is_unused(repository):
    rules = [repository / "Snakefile", *(repository / "rules").glob("*.smk")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in rules)
    used = set(re.findall(r"\bworkflow((?:\.[a-z_]+)+)", text))
    # Methods of a source file, a public interface of Snakemake's plugins.
    used = {name.removesuffix(".get_path_or_uri") for name in used if not name.endswith(".rst")}
    listed = set(re.findall(r"`workflow((?:\.[a-z_]+)+)`", dry_run.__doc__))
    assert used == listed


def test_snakemake_still_has_them():
    for owner, name in (
        *((Workflow, name) for name in ("current_basedir", "is_main_process", "scheduler", "modifier")),
        (WorkflowModifier, "is_main_snakefile"),
        (PathModifier, "replace_prefix"),
        (JobScheduler, "exit_gracefully"),
    ):
        assert hasattr(owner, name), name


def test_the_version_is_the_one_that_is_required(repository):
    floor = re.search(r"^snakemake>=([\d.]+)", (repository / "requirements.in").read_text(), re.MULTILINE).group(1)
    assert f'min_version("{floor}")' in (repository / "Snakefile").read_text()
