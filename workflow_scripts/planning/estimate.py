"""The plan as data: experiment by stage, what is done and to do, why, and what it will take."""

import math
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflow_scripts.planning.cluster_requests import shipped_cost
from workflow_scripts.planning.costs import CostModel
from workflow_scripts.planning.dry_run import DryRun, PlannedJob
from workflow_scripts.planning.schedule import simulated

STAGES = (
    "catalog",
    "cutouts",
    "images",
    "training",
    "inference",
    "causes",
    "remedies",
    "bias",
    "report",
    "audit",
    "correction",
    "calibration",
)
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
        (whether all estimates are). `total`: the same with every job counted once. `controls`: by experiment and kind
        of control, the same of the jobs that only the control needs; `why` and `remedies` likewise. `wall_seconds` on
        `cores` (or on `slots` of a cluster), `memory_mb` (`largest_job`, `at_once`, `machine`, and
        `requests_too_little`: by rule, the estimate of a job that requests less, and what it requests), `download`
        (`requests`, `bytes`), `disk` (`written_bytes`, `replaced_bytes`, `free_bytes`), `unknown_catalogs`, whose
        numbers of galaxies are not known yet, `labelled`, those of which only labelled galaxies are used, with their
        number (None: not counted), `unknown_downloads`, the surveys that wait for them, and `estimates`: where each
        came from.
    """
    to_do = [job for job in run.jobs if job.to_do]
    costs = {job.number: model.of(job.work) for job in to_do}
    groups = _groups(run.jobs)
    members = Counter(number for numbers in groups.values() for number in numbers)
    schedule = simulated(to_do, costs, run.cores, run.limits, run.slots)
    too_little = {}
    for job in sorted(to_do, key=lambda job: costs[job.number].memory_mb):
        needed, requested = costs[job.number].memory_mb, job.resources.get("mem_mb", math.inf)
        if needed > requested:
            too_little[job.rule] = [needed, requested]
    downloads: Counter[str] = Counter()
    received = 0.0
    for job in to_do:
        if job.work.requests is not None:
            downloads[job.wildcards["survey"]] += round(job.work.requests)
            received += costs[job.number].disk_bytes if job.work.received_bytes is None else job.work.received_bytes

    def by_stage(numbers: set[int]) -> dict[str, dict[str, Any]]:
        of_stages = {
            stage: [job for job in run.jobs if job.number in numbers and job.stage == stage] for stage in STAGES
        }
        return {stage: _stage(jobs, model, members, run.cores) for stage, jobs in of_stages.items() if jobs}

    outputs = (run.directory / output for job in to_do for output in job.outputs)
    existing = next(path for path in (run.directory, *run.directory.parents) if path.exists())
    return {
        "config_files": run.config_files,
        "directory": str(run.directory),
        "groups": {name: by_stage(numbers) for name, numbers in groups.items()},
        "total": _stage(run.jobs, model, members, run.cores),
        **{
            what: {
                name: {kind: _stage(jobs, model, members, run.cores) for kind, jobs in _added_by(run.jobs, files)}
                for name, files in made.items()
            }
            for what, made in run.added.items()
        },
        "target_rules": run.target_rules,
        "cores": run.cores,
        "slots": run.slots,
        "wall_seconds": schedule.seconds,
        "memory_mb": {
            "largest_job": max((cost.memory_mb for cost in costs.values()), default=0.0),
            "at_once": schedule.memory_mb,
            "machine": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20,
            "requests_too_little": too_little,
        },
        "download": {"requests": downloads.total(), "bytes": round(received)},
        "disk": {
            "written_bytes": round(sum(cost.disk_bytes for cost in costs.values())),
            "replaced_bytes": sum(path.stat().st_size for path in outputs if path.is_file()),
            "free_bytes": shutil.disk_usage(existing).free,
        },
        "unknown_catalogs": run.unknown_catalogs if to_do else [],
        "labelled": dict(run.labelled),
        "unknown_downloads": sorted(survey for survey, requests in downloads.items() if not requests),
        "estimates": [
            {"kind": kind, "records": model.records(kind), "measured": shipped_cost(kind).measured}
            for kind in sorted({job.work.kind for job in to_do})
        ],
    }


def _groups(jobs: Sequence[PlannedJob]) -> dict[str, set[int]]:
    """Numbers of the jobs that every experiment, audit and other target needs, directly or not."""
    by_number = {job.number: job for job in jobs}
    groups: dict[str, set[int]] = {}
    for job in jobs:
        for kind in ("experiment", "audit"):
            if kind in job.wildcards:
                groups.setdefault(f"{kind} {job.wildcards[kind]}", set()).add(job.number)
    groups = {name: _with_needs(numbers, by_number) for name, numbers in groups.items()}
    rest = set(by_number) - set().union(*groups.values())
    return {name: groups[name] for name in sorted(groups)} | ({OTHER: rest} if rest else {})


def _with_needs(numbers: set[int], by_number: Mapping[int, PlannedJob]) -> set[int]:
    """Jobs and all those that they need, directly or not."""
    found, waiting = set(numbers), list(numbers)
    while waiting:
        needed = set(by_number[waiting.pop()].needs) - found
        found |= needed
        waiting += needed
    return found


def _added_by(jobs: Sequence[PlannedJob], files: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, list[PlannedJob]]]:
    """Each kind that is asked for, and the jobs that its files need and those of the experiment, "", do not."""
    by_number, needed = {job.number: job for job in jobs}, {}
    for kind, made in files.items():
        wanted = set(made)
        makers = {job.number for job in jobs if wanted & set(job.outputs)}
        needed[kind] = _with_needs(makers, by_number)
    for kind in [kind for kind in needed if kind]:
        yield kind, [job for job in jobs if job.number in needed[kind] - needed[""]]


def _stage(jobs: Sequence[PlannedJob], model: CostModel, members: Mapping[int, int], cores: int) -> dict[str, Any]:
    to_do = [job for job in jobs if job.to_do]
    costs = [model.of(job.work) for job in to_do]
    changes = Counter(change for job in to_do for change in job.changes)
    most_common = sorted(changes, key=lambda change: (-changes[change], change))
    return {
        "done": len(jobs) - len(to_do),
        "to_do": len(to_do),
        "shared": sum(members[job.number] > 1 for job in jobs),
        "why": dict(sorted(Counter(" and ".join(job.why) for job in to_do).items())),
        "changes": most_common[:_LISTED_CHANGES],
        "core_seconds": sum(cost.seconds * min(job.threads, cores) for job, cost in zip(to_do, costs, strict=True)),
        "gpu_seconds": sum(cost.seconds * job.resources.get("gpu", 0) for job, cost in zip(to_do, costs, strict=True)),
        "disk_bytes": round(sum(cost.disk_bytes for cost in costs)),
        "from_records": all(model.records(job.work.kind) for job in to_do),
    }
