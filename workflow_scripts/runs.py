"""The runs of an experiment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any


@dataclass(frozen=True)
class Run:
    """One trained network: a footprint, a network, the number of the training set and the seed of the training."""

    arm: str
    footprint: str
    network: str
    resample: int
    seed: int

    @property
    def run_id(self) -> str:
        """Name of the run, and its folder below results/training/{survey}/ and results/inference/{survey}/."""
        return f"{self.footprint}/{self.network}/resample{self.resample}_seed{self.seed}"


def listed_runs(experiment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The runs of an experiment as `Configuration.experiment` gives it, in the same order, a mapping each.

    Keys: `run_id, arm, footprint, network, resample, seed`, and `axis` (ICRS degrees) and `family`, or None.
    The steps list the runs themselves, because a command line has no room for thousands.
    """
    return [
        {"run_id": run.run_id, **vars(run), **experiment["footprints"][run.footprint]}
        for run in runs_of_experiment(experiment)
    ]


def paths_of_runs(pattern: str, runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """One path a run: `pattern` with the run's values in place of `{run_id}`, `{footprint}`, ...; each path once."""
    return list(dict.fromkeys(pattern.format(**run) for run in runs))


def paths_in_version(pattern: str, runs: Sequence[Mapping[str, Any]], version: Mapping[str, Any]) -> list[str]:
    """One path a run: `pattern` in a version of the annotated images or of the runs, of any value of a run.

    `version` has `survey`, and `networks`, the name in the version by the run's own; likewise `footprints`, where they
    have other names in it.
    """
    return [
        pattern.format(survey=version["survey"], run_id=run.run_id, **vars(run))
        for run in runs_in_version(runs, version)
    ]


def runs_in_version(runs: Sequence[Mapping[str, Any]], version: Mapping[str, Any]) -> list[Run]:
    """The runs that stand in a version for each of `runs`, in their order."""
    footprints, networks = version.get("footprints", {}), version["networks"]
    return [
        Run(
            **{key: run[key] for key in ("arm", "resample", "seed")},
            footprint=footprints.get(run["footprint"], run["footprint"]),
            network=networks[run["network"]],
        )
        for run in runs
    ]


def parts_of_remedy(remedy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A remedy as versions, as `runs_in_version` reads them: two where it has strata, each with its footprints."""
    if "strata" not in remedy:
        return [remedy]
    return [{**remedy, "footprints": {own: both[k] for own, both in remedy["strata"].items()}} for k in (0, 1)]


def runs_of_experiment(experiment: Mapping[str, Any]) -> list[Run]:
    """Every run once, with the first arm that has it; arms by name, so that their order in the file plays no part."""
    runs: dict[str, Run] = {}
    for name, arm in sorted(experiment["arms"].items()):
        paired = arm["combine"] == "paired"
        draws = zip(arm["resamples"], arm["seeds"], strict=True) if paired else product(arm["resamples"], arm["seeds"])
        for footprint, network, (resample, seed) in product(arm["footprints"], arm["networks"], draws):
            run = Run(name, footprint, network, resample, seed)
            runs.setdefault(run.run_id, run)
    return list(runs.values())
