"""How many inputs a parser is tried on: few in every run, more with SKYBIAS_FUZZ in the environment (`make fuzz`)."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("SKYBIAS_FUZZ", "300"))


def fuzzed(test: Callable) -> Callable:
    """A test of hypothesis that tries so many inputs, marked `fuzz`."""
    many = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    return pytest.mark.fuzz(many(test))


def fuzzed_files(test: Callable) -> Callable:
    """As `fuzzed`, of inputs that take longer, written to disk and read: a tenth as many in every run."""
    examples = EXAMPLES if "SKYBIAS_FUZZ" in os.environ else EXAMPLES // 10
    many = settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    return pytest.mark.fuzz(many(test))
