"""Run-level tests with numbers as given, and their answers."""

import pandas as pd

from workflow_scripts.bias.declared_tests import RESPONSE, ROTATING_PRIMARY, RunLevelTest, RunLevelTests
from workflow_scripts.bias.experiment_answers import Context, experiment_answers


def answers_of(tests, runs=None):
    """Answers of tests, each with its p adjusted as given."""
    found = RunLevelTests(ROTATING_PRIMARY, permutations=(999, 0), tests=list(tests))
    if runs is None:
        runs = pd.DataFrame(
            {"n_reference": [1], "fraction": [0.4], "network": ["net"], "footprint": ["a"], "resample": [0]}
        )
    ledger = [
        {"name": one.name, "family": one.family, "p": one.deciding_p, "adjusted": one.deciding_p}
        | {"unit_of_replication": "run"}
        for one in tests
    ]
    answers = experiment_answers(found, Context(runs, ledger, {}, 0.01, 0.05))
    assert (answers[-1].test, answers[-1].answer) == ("common_dipole", "cannot tell")
    return answers[:-1]


def a_test(name, p, design=RESPONSE, family="primary", **values):
    given = {
        "size": 0.02,
        "size_ci95": (0.0, 0.05),
        "limit95": 0.045,
        "quantity": "fraction",
        "network": "net",
    } | values
    return RunLevelTest(name, "e", "n", "run", family, 12, p_permutation=p, design=design, **given)
