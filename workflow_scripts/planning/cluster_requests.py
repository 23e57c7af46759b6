"""What a job asks a cluster for: memory and time as measured on real runs, for the size of its work, with a margin."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.planning.costs import CostModel
from workflow_scripts.planning.work import WorkOfJobs

# Two Snakemakes accompany every job on a cluster: 130 MB each as measured, and what their imports fork.
ACCOMPANYING_MB = 400
MEMORY_MARGIN = 1.5
# Nodes differ in speed, and a killed training is dearer than an hour too many asked for.
TIME_MARGIN = 5.0
# Start of two interpreters and a slow file system.
ACCOMPANYING_MINUTES = 10


@dataclass(frozen=True)
class RuleAndWildcards:
    """All of a job that is known while its requests are made."""

    rule: str
    wildcards: Mapping[str, str]


class Requests:
    """Requests of the jobs of a configuration, from the shipped costs: the same for every start of the workflow."""

    def __init__(self, settings: Configuration, directory: Path):
        """`directory` is where the paths in the configuration start."""
        self._work = WorkOfJobs(settings, directory)
        self._costs = CostModel([])

    def memory_mb(self, rule: str, wildcards: Mapping[str, str], attempt: int) -> int:
        """Memory (MB) at an attempt, which counts from 1: attempt times what the work is thought to need."""
        cost = self._costs.of(self._work.of(RuleAndWildcards(rule, wildcards)))
        return attempt * 100 * math.ceil((ACCOMPANYING_MB + MEMORY_MARGIN * cost.memory_mb) / 100)

    def minutes(self, rule: str, wildcards: Mapping[str, str], attempt: int) -> int:
        """Wall time (minutes) at an attempt."""
        cost = self._costs.of(self._work.of(RuleAndWildcards(rule, wildcards)))
        return attempt * math.ceil(ACCOMPANYING_MINUTES + TIME_MARGIN * cost.seconds / 60)
