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
