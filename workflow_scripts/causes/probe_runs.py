"""The networks that probe an experiment: which pairs of footprints they tell apart, and from which training sets.

Imported while Snakemake reads the rules, and by the step that measures: neither lists them for the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflow_scripts.runs import runs_of_experiment

# Directions whose components differ from those of the antipode by no more are opposite (degrees).
_CLOSE_DEG = 1e-6


@dataclass(frozen=True)
class ProbeRun:
    """One network that is trained to tell the galaxies of `footprint` from those of `other`."""

    footprint: str
    other: str
    network: str
    resample: int
    seed: int

    @property
    def pair(self) -> str:
        """The two footprints in words."""
        return f"{self.footprint} against {self.other}"


def opposite_pairs(experiment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The pairs of opposite footprints of an experiment (`Configuration.experiment`), each once, its names sorted.

    They are those that the experiment lists, and members of one family whose axes are opposite.
    """
    pairs = {(min(pair), max(pair)): None for pair in experiment["opposite"]}
    of_family = [(name, one["axis"], one["family"]) for name, one in sorted(experiment["footprints"].items())]
    pointing = [one for one in of_family if one[1] and one[2]]
    for number, (name, axis, family) in enumerate(pointing):
        for other, opposite, of_other in pointing[number + 1 :]:
            if family == of_other and _are_opposite(axis, opposite):
                pairs[name, other] = None
    return list(pairs)


def _are_opposite(axis: Sequence[float], other: Sequence[float]) -> bool:
    apart = abs((axis[0] - other[0]) % 360 - 180)
    at_pole = abs(abs(axis[1]) - 90) < _CLOSE_DEG
    return abs(axis[1] + other[1]) < _CLOSE_DEG and (at_pole or apart < _CLOSE_DEG)


def pixel_runs(experiment: Mapping[str, Any], networks: Sequence[str]) -> list[ProbeRun]:
    """The networks that tell pairs apart, from the training sets and with the seeds that the experiment has for both.

    `networks` are those that can be trained.
    """
    drawn: dict[tuple[str, str], dict[tuple[int, int], None]] = {}
    for run in runs_of_experiment(experiment):
        if run.network in networks:
            drawn.setdefault((run.footprint, run.network), {})[run.resample, run.seed] = None
    return [
        ProbeRun(first, second, network, resample, seed)
        for first, second in opposite_pairs(experiment)
        for network in networks
        for resample, seed in drawn.get((first, network), {})
        if (resample, seed) in drawn.get((second, network), {})
    ]
