"""The work of a job as its rule states it, and the memory and time that the job requests for it.

A rule states among its resources the kind of its work, which has a line in shipped_costs.csv, and its size in the unit
of that line. Snakemake writes the resources of a job into its benchmark file (`benchmark-extended: true`), where the
preview reads them again. No rule is known by name here.
"""

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

SHIPPED = Path(__file__).with_name("shipped_costs.csv")
QUANTITIES = ("seconds", "memory_mb", "disk_bytes")
# Two Snakemakes accompany every job on a cluster: 130 MB each as measured, and what their imports fork.
ACCOMPANYING_MB = 400
MEMORY_MARGIN = 1.5
# Nodes differ in speed, and a killed training is dearer than an hour too many requested.
TIME_MARGIN = 5.0
# Start of two interpreters and a slow file system.
ACCOMPANYING_MINUTES = 10
# Names of the resources in which a job carries its work.
_PREFIX = "work_"

Wildcards = Mapping[str, str]


@dataclass(frozen=True)
class Work:
    """`kind` names jobs whose cost follows one line (a rule, with its survey's kind or its network's architecture).

    Time and memory grow with `size`, bytes written with `written` (which is `size` where None). `least_seconds` is how
    long the limits of a service make it last, whatever the machine. `requests` and `received_bytes` are what is
    downloaded: nothing, and as many bytes as are written, where None.
    """

    kind: str
    size: float = 1
    written: float | None = None
    least_seconds: float = 0.0
    requests: float | None = None
    received_bytes: float | None = None

    def size_for(self, quantity: str) -> float:
        """What a quantity grows with."""
        return self.written if quantity == "disk_bytes" and self.written is not None else self.size


@dataclass(frozen=True)
class Line:
    """base + per_unit * size."""

    base: float
    per_unit: float

    def at(self, size: float) -> float:
        """The value for work of a size."""
        return self.base + self.per_unit * size


@dataclass(frozen=True)
class Cost:
    """Wall seconds on the cores that the job requests, peak memory (MB) and bytes written."""

    seconds: float
    memory_mb: float
    disk_bytes: float


@dataclass(frozen=True)
class ShippedCost:
    """Lines of one kind of work, by quantity; the unit of its size, and where they were measured."""

    unit: str
    measured: str
    lines: Mapping[str, Line]


def cluster_request(
    rule: str, variant: Callable[[Wildcards], str] | None = None, **amounts: Callable[[Wildcards], float | None]
) -> dict[str, Callable[..., Any]]:
    """Resource functions of a rule: its work, and `mem_mb` and `runtime` (minutes) that follow from it.

    The requests rest on the shipped costs alone, so that they are the same for every start of the workflow, and grow
    with every attempt.

    Parameters
    ----------
    rule
        name of the rule: the kind of its work.
    variant
        what else the kind depends on, from the wildcards: the kind of a survey, the architecture of a network.
    amounts
        the other fields of `Work`, from the wildcards; without a `size`, all jobs of the rule have the same work.
    """

    def kind(wildcards: Wildcards) -> str:
        return f"{rule} {variant(wildcards)}" if variant else rule

    def cost(wildcards: Wildcards) -> Cost:
        given = {name: amount(wildcards) for name, amount in amounts.items()}
        return cost_of(Work(kind(wildcards), **given), shipped_cost(kind(wildcards)).lines)  # type: ignore[arg-type]

    def memory_mb(wildcards: Wildcards, attempt: int) -> int:
        return attempt * 100 * math.ceil((ACCOMPANYING_MB + MEMORY_MARGIN * cost(wildcards).memory_mb) / 100)

    def minutes(wildcards: Wildcards, attempt: int) -> int:
        return attempt * math.ceil(ACCOMPANYING_MINUTES + TIME_MARGIN * cost(wildcards).seconds / 60)

    work = {f"{_PREFIX}{name}": amount for name, amount in {"kind": kind, **amounts}.items()}
    return {**work, "mem_mb": memory_mb, "runtime": minutes}


def stated_work(rule: str, resources: Mapping[str, Any]) -> Work:
    """The work of a job from its resources; that of a job without any is named for its rule."""
    names = {field.name: f"{_PREFIX}{field.name}" for field in fields(Work)}
    given = {name: resources[resource] for name, resource in names.items() if resource in resources}
    return Work(**{"kind": rule, **given})


def cost_of(work: Work, lines: Mapping[str, Line]) -> Cost:
    """What a job takes, by the lines of its kind."""
    seconds, memory_mb, disk_bytes = (lines[quantity].at(work.size_for(quantity)) for quantity in QUANTITIES)
    return Cost(max(seconds, work.least_seconds), memory_mb, disk_bytes)


def shipped_cost(kind: str) -> ShippedCost:
    """The shipped lines of a kind, or of the kind that stands in for it: its rule's with `other`, then `other`."""
    shipped = _shipped()
    return next(shipped[name] for name in (kind, f"{kind.partition(' ')[0]} other", "other") if name in shipped)


@cache
def _shipped() -> dict[str, ShippedCost]:
    with open(SHIPPED, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    shipped = {}
    for row in rows:
        lines = {name: Line(float(row[name]), float(row[f"{name}_per_unit"])) for name in QUANTITIES}
        shipped[row["kind"]] = ShippedCost(row["unit"], row["measured"], lines)
    return shipped
