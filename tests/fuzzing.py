"""How many inputs a parser is tried on: few in every run, more with SKYBIAS_FUZZ=100000 in the environment."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("SKYBIAS_FUZZ", "300"))

fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
