"""What a job will take: a straight line in the size of its work, from this folder's records or else as shipped.

Records are the benchmark files of Snakemake. With `benchmark-extended: true`, as in profiles/default, each holds the
resources of its job and so its work; those without, as earlier versions wrote them, are passed over.
"""

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from workflow_scripts.planning.cluster_requests import QUANTITIES, Cost, Line, Work, cost_of, shipped_cost, stated_work

# The newest records of a rule are enough, and a folder may hold thousands.
MOST_OF_A_RULE = 200
# A line needs sizes that differ: from one size alone, only the shipped line is scaled.
SMALLEST_RANGE = 1.5
# The weights settle after a few rounds.
_REWEIGHTINGS = 5


@dataclass(frozen=True)
class Record:
    """What one job took. NaN: memory of a job too short to be looked at, bytes of results that are gone."""

    work: Work
    cost: Cost


def read_records(directory: Path, outputs: Mapping[str, Sequence[str]]) -> list[Record]:
    """The newest records below `directory`/benchmarks.

    Parameters
    ----------
    directory
        where results/ and benchmarks/ are.
    outputs
        by rule, the paths that its jobs write, with wildcards in braces.
    """
    taken: Counter[str] = Counter()
    found = []
    for path in sorted((directory / "benchmarks").rglob("*.tsv"), key=lambda path: -path.stat().st_mtime_ns):
        # A benchmark file is named for its rule.
        if taken[path.stem] < MOST_OF_A_RULE and (record := _record(path, directory, outputs)):
            taken[path.stem] += 1
            found.append(record)
    return found


def _record(path: Path, directory: Path, outputs: Mapping[str, Sequence[str]]) -> Record | None:
    try:
        names, *_, values = path.read_text(encoding="utf-8").splitlines()
        row = dict(zip(names.split("\t"), values.split("\t"), strict=True))
        wildcards, resources = (ast.literal_eval(row[column]) for column in ("wildcards", "resources"))
        written = [directory / pattern.format(**wildcards) for pattern in outputs.get(row["rule_name"], ())]
        memory = float("nan") if row["max_rss"] == "NA" else float(row["max_rss"])
        work = stated_work(row["rule_name"], resources)
        return Record(work, Cost(float(row["s"]), memory, _bytes_in(written)))
    except (OSError, ValueError, KeyError, TypeError, SyntaxError):
        # Cut off, or of an earlier version: it states no work.
        return None


def _bytes_in(paths: Sequence[Path]) -> float:
    """Bytes of files, and of the files in folders; NaN where one of them is gone."""
    if not all(path.exists() for path in paths):
        return float("nan")
    files = (file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]))
    return sum(file.stat().st_size for file in files if file.is_file())


class CostModel:
    """Lines by kind of work."""

    def __init__(self, records: Sequence[Record]):
        self._records: dict[str, list[Record]] = {}
        for record in records:
            self._records.setdefault(record.work.kind, []).append(record)
        self._lines = cache(self._fitted_lines)

    def of(self, work: Work) -> Cost:
        """The cost of a job."""
        return cost_of(work, self._lines(work.kind))

    def records(self, kind: str) -> int:
        """Number of records that the estimate of a kind comes from; 0 where it is the shipped one."""
        return len(self._records.get(kind, []))

    def _fitted_lines(self, kind: str) -> dict[str, Line]:
        records, shipped = self._records.get(kind, []), shipped_cost(kind).lines
        return {quantity: line_of_records(records, quantity, shipped[quantity]) for quantity in QUANTITIES}


def line_of_records(records: Sequence[Record], quantity: str, default: Line) -> Line:
    """The line of a quantity through records of one kind of work."""
    sizes = np.array([record.work.size_for(quantity) for record in records], float)
    return fitted_line(sizes, np.array([getattr(record.cost, quantity) for record in records]), default)


def fitted_line(sizes: np.ndarray, values: np.ndarray, default: Line) -> Line:
    """The line through values (n,) of work of sizes (n,); `default` where nothing is known.

    Errors relative to the line are minimised under base >= 0 and slope >= 0 (Lawson & Hanson's non-negative least
    squares, its weights taken from the line before), so that many small jobs and one large one count alike; errors
    relative to the values would favour the luckiest jobs. Values of about one size do not determine base and slope:
    their mean scales the default.
    """
    known = np.isfinite(values) & (values > 0) & (sizes > 0)
    sizes, values = sizes[known], values[known]
    if sizes.size == 0:
        return default
    if sizes.max() < SMALLEST_RANGE * sizes.min():
        expected = np.array([default.at(size) for size in sizes])
        if not expected.all():
            return Line(float(values.mean()), 0.0)
        ratio = float(values.sum() / expected.sum())
        return Line(default.base * ratio, default.per_unit * ratio)
    # In units of the largest size, so that both columns of the system are of the same order.
    largest = sizes.max()
    columns = np.column_stack([np.ones_like(sizes), sizes / largest])
    line = columns @ [values.mean(), 0.0]
    for _ in range(_REWEIGHTINGS):
        (base, slope), _ = nnls(columns / line[:, None], values / line)
        line = columns @ [base, slope]
    return Line(float(base), float(slope / largest))
