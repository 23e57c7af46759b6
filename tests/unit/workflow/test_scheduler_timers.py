"""Snakemake's scheduler of one machine has no timers that add up; that of a cluster, and a user's own limit, stay."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from workflow_scripts.scheduler_timers import without_timers

SNAKEFILE = """
import sys, threading
sys.path.insert(0, {repository!r})
from workflow_scripts.scheduler_timers import without_timers

rule all:
    input: expand("{{n}}.txt", n=range(6))

rule one:
    output: "{{n}}.txt"
    shell: "sleep 0.3; touch {{output}}"

onstart:
    if {changed}:
        assert without_timers(workflow)

onsuccess:
    timers = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
    print("timers", len(timers), file=sys.stderr)
"""


@pytest.mark.parametrize("changed", [True, False])
def test_the_timers_of_a_run_are_gone_and_all_its_jobs_are_done(repository, tmp_path, changed):
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(repository=str(repository), changed=changed))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--workflow-profile", "none", "--quiet", "all"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert len(list(tmp_path.glob("*.txt"))) == 6
    (timers,) = [line.split()[1] for line in run.stderr.splitlines() if line.startswith("timers ")]
    # Without the change there are some: a Snakemake that has none needs none.
    assert (timers == "0") == changed


def limiter(max_jobs=100, timespan=1):
    return SimpleNamespace(max_jobs=max_jobs, timespan=timespan)


@pytest.mark.parametrize(
    "scheduler",
    [
        SimpleNamespace(job_rate_limiter=limiter(), _local_executor=object()),
        SimpleNamespace(job_rate_limiter=limiter(max_jobs=5), _local_executor=None),
        SimpleNamespace(job_rate_limiter=None, _local_executor=None),
        SimpleNamespace(job_rate_limiter=limiter()),
        SimpleNamespace(),
        None,
    ],
)
def test_a_cluster_a_limit_of_the_user_and_another_snakemake_stay_as_they_are(scheduler):
    before = dict(vars(scheduler)) if scheduler else {}
    assert not without_timers(SimpleNamespace(scheduler=scheduler))
    assert (dict(vars(scheduler)) if scheduler else {}) == before
