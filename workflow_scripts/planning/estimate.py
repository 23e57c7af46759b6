"""The plan as data: experiment by stage, what is done and to do, why, and what it will take."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.planning.cluster_requests import Cost, Work, shipped_cost
from workflow_scripts.planning.costs import CostModel
from workflow_scripts.planning.dry_run import DryRun, PlannedJob
from workflow_scripts.planning.schedule import simulated

STAGES = ("catalog", "cutouts", "images", "training", "inference", "bias", "report", "audit", "calibration")
# What jobs belong to that no experiment and no audit needs: targets that were named on the command line.
OTHER = "other targets"
_LISTED_CHANGES = 3


def estimated_plan(run: DryRun, model: CostModel) -> dict[str, Any]:
    """The plan of a dry run.

    Returns
    -------
    dict
        `groups`: for every experiment, audit and the rest, by stage: `done`, `to_do`, `shared` (jobs that another
        group needs too), `why` (jobs by reason), `changes`, `core_seconds`, `gpu_seconds`, `disk_bytes`, `from_records`
        (whether all estimates are). `total`: the same with every job counted once. `wall_seconds` on `cores` (or on
        `slots` of a cluster), `memory_mb` (`largest_job`, `at_once`, `machine`, and `asks_too_little`: by rule, the
        estimate of a job that requests less, and what it requests), `download` (`requests`, `bytes`), `disk`
        (`written_bytes`, `replaced_bytes`, `free_bytes`), `unknown_catalogs`, whose numbers of galaxies are not known
        yet, `unknown_downloads`, the surveys that wait for them, and `estimates`: where each came from.
    """
    to_do = [job for job in run.jobs if job.to_do]
    costs = {job.number: model.of(job.work) for job in to_do}
    recorded = {job.number: model.records(job.work.kind) > 0 for job in to_do}
    groups = _groups(run.jobs)
    members = Counter(number for numbers in groups.values() for number in numbers)
    schedule = simulated(to_do, costs, run.cores, run.limits, run.slots)
    downloads: Counter[str] = Counter()
    for job in to_do:
        if job.work.requests is not None:
            downloads[job.wildcards["survey"]] += round(job.work.requests)

    def by_stage(numbers: Iterable[int]) -> dict[str, dict[str, Any]]:
        chosen = set(numbers)
        jobs = [job for job in run.jobs if job.number in chosen]
        return {
            stage: _stage([job for job in jobs if job.stage == stage], costs, recorded, members, run.cores)
            for stage in STAGES
            if any(job.stage == stage for job in jobs)
        }

    return {
        "config_files": run.config_files,
        "directory": str(run.directory),
        "groups": {name: by_stage(numbers) for name, numbers in groups.items()},
        "total": _stage(run.jobs, costs, recorded, members, run.cores),
        "target_rules": run.target_rules,
        "cores": run.cores,
        "slots": run.slots,
        "wall_seconds": schedule.seconds,
        "memory_mb": {
            "largest_job": max((cost.memory_mb for cost in costs.values()), default=0.0),
            "at_once": schedule.memory_mb,
            "machine": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20,
            "asks_too_little": {
                job.rule: [costs[job.number].memory_mb, job.resources["mem_mb"]]
                for job in sorted(to_do, key=lambda job: costs[job.number].memory_mb)
                if costs[job.number].memory_mb > job.resources.get("mem_mb", float("inf"))
            },
        },
        "download": {
            "requests": downloads.total(),
            "bytes": round(sum(_received_bytes(job.work, costs[job.number]) for job in to_do)),
        },
        "disk": {
            "written_bytes": round(sum(cost.disk_bytes for cost in costs.values())),
            "replaced_bytes": _size_of_outputs(to_do, run.directory),
            "free_bytes": shutil.disk_usage(_existing(run.directory)).free,
        },
        "unknown_catalogs": run.unknown_catalogs if to_do else [],
        "unknown_downloads": sorted(survey for survey, requests in downloads.items() if not requests),
        "estimates": [
            {"kind": kind, "records": model.records(kind), "measured": shipped_cost(kind).measured}
            for kind in sorted({job.work.kind for job in to_do})
        ],
    }


def _received_bytes(work: Work, cost: Cost) -> float:
    if work.requests is None:
        return 0
    return cost.disk_bytes if work.received_bytes is None else work.received_bytes


def _groups(jobs: Sequence[PlannedJob]) -> dict[str, set[int]]:
    """Numbers of the jobs that every experiment, audit and other target needs, directly or not."""
    by_number = {job.number: job for job in jobs}
    groups: dict[str, set[int]] = {}
    for job in jobs:
        for kind in ("experiment", "audit"):
            if kind in job.wildcards:
                groups.setdefault(f"{kind} {job.wildcards[kind]}", set()).add(job.number)
    for numbers in groups.values():
        waiting = list(numbers)
        while waiting:
            needed = set(by_number[waiting.pop()].needs) - numbers
            numbers |= needed
            waiting += needed
    rest = set(by_number) - set().union(*groups.values())
    return {name: groups[name] for name in sorted(groups)} | ({OTHER: rest} if rest else {})


def _stage(
    jobs: Sequence[PlannedJob],
    costs: Mapping[int, Cost],
    recorded: Mapping[int, bool],
    members: Mapping[int, int],
    cores: int,
) -> dict[str, Any]:
    to_do = [job for job in jobs if job.to_do]
    seconds = {job.number: costs[job.number].seconds for job in to_do}
    changes = Counter(change for job in to_do for change in job.changes)
    return {
        "done": len(jobs) - len(to_do),
        "to_do": len(to_do),
        "shared": sum(members[job.number] > 1 for job in jobs),
        "why": dict(sorted(Counter(" and ".join(job.why) for job in to_do).items())),
        "changes": [change for change, _ in sorted(changes.items(), key=lambda item: (-item[1], item[0]))][
            :_LISTED_CHANGES
        ],
        "core_seconds": sum(seconds[job.number] * min(job.threads, cores) for job in to_do),
        "gpu_seconds": sum(seconds[job.number] * job.resources.get("gpu", 0) for job in to_do),
        "disk_bytes": round(sum(costs[job.number].disk_bytes for job in to_do)),
        "from_records": all(recorded[job.number] for job in to_do),
    }


def _size_of_outputs(jobs: Iterable[PlannedJob], directory: Path) -> int:
    paths = (directory / output for job in jobs for output in job.outputs)
    return sum(path.stat().st_size for path in paths if path.is_file())


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
