"""What sbatch says is answered with what helps."""

import pytest

from workflow_scripts.cluster.refusals import advice


@pytest.mark.parametrize(
    ("said", "helps"),
    [
        ("No partition specified or system default partition", "slurm_partition=NAME"),
        (
            "Batch job submission failed: Invalid account or account/partition combination",
            "slurm_account=NAME",
        ),
        ("invalid partition specified: gpu", "sinfo -s"),
        ("Batch job submission failed: Invalid qos specification", "--slurm-qos"),
        ("Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)", "runtime"),
        ("Memory specification can not be satisfied", "mem_mb"),
        ("Batch job submission failed: Job violates accounting/QOS policy", "--jobs"),
        ("something new", "docs/cluster.md"),
    ],
)
def test_a_refusal_is_answered(said, helps):
    log = f"SLURM sbatch failed. The error message was 'sbatch: error: {said}'.\n    sbatch call:\n"
    assert helps in advice(log)


def test_an_error_of_another_kind_gets_no_advice():
    assert advice("Error in rule train: limit of memory") is None
