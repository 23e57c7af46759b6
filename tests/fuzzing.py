"""How many inputs a parser is tried on: few and always the same, more with SKYBIAS_FUZZ (`make fuzz`)."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("SKYBIAS_FUZZ", "300"))
# Outside of `make fuzz` a test gives the same result every time.
SAME_INPUTS = "SKYBIAS_FUZZ" not in os.environ
_BASE = settings(derandomize=SAME_INPUTS, deadline=None, suppress_health_check=list(HealthCheck))


def fuzzed(test: Callable) -> Callable:
    """A test of hypothesis that tries so many inputs, marked `fuzz`."""
    return pytest.mark.fuzz(settings(_BASE, max_examples=EXAMPLES)(test))


def fuzzed_files(test: Callable) -> Callable:
    """As `fuzzed`, of inputs that take longer, written to disk and read: a tenth as many in every run."""
    examples = EXAMPLES // 10 if SAME_INPUTS else EXAMPLES
    return pytest.mark.fuzz(settings(_BASE, max_examples=examples)(test))
