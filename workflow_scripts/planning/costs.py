"""What a job will take: a straight line in the size of its work, from this folder's records or else as shipped."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from workflow_scripts.planning.records import Record
from workflow_scripts.planning.work import Work

SHIPPED = Path(__file__).with_name("shipped_costs.csv")
# A line needs sizes that differ: from one size alone, only the shipped line is scaled.
SMALLEST_RANGE = 1.5
# The weights settle after a few rounds.
_REWEIGHTINGS = 5
QUANTITIES = ("seconds", "memory_mb", "disk_bytes")


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
    """Wall seconds on the cores that the job asks for, peak memory (MB) and bytes written."""

    seconds: float
    memory_mb: float
    disk_bytes: float


@dataclass(frozen=True)
class Source:
    """Where the estimate of a kind of jobs comes from: `records` of this folder, or 0 and where it was measured."""

    kind: str
    records: int
    measured: str


class CostModel:
    """Lines by kind of work."""

    def __init__(self, records: Sequence[Record]):
        self._records: dict[str, list[Record]] = {}
        for record in records:
            self._records.setdefault(record.kind, []).append(record)
        self._lines = cache(self._fitted_lines)

    def of(self, work: Work) -> Cost:
        """The cost of a job."""
        seconds, memory_mb, disk_bytes = self._lines(work.kind)
        written = work.size if work.written is None else work.written
        return Cost(max(seconds.at(work.size), work.least_seconds), memory_mb.at(work.size), disk_bytes.at(written))

    def source(self, kind: str) -> Source:
        """Where the estimate of a kind comes from."""
        return Source(kind, len(self._records.get(kind, [])), str(_shipped(kind)["measured"]))

    def _fitted_lines(self, kind: str) -> list[Line]:
        shipped = _shipped(kind)
        known = self._records.get(kind, [])
        lines = []
        for quantity in QUANTITIES:
            sizes = np.array([record.written if quantity == "disk_bytes" else record.size for record in known], float)
            default = Line(float(shipped[quantity]), float(shipped[f"{quantity}_per_unit"]))
            lines.append(fitted_line(sizes, np.array([getattr(record, quantity) for record in known], float), default))
        return lines


def fitted_line(sizes: np.ndarray, values: np.ndarray, default: Line) -> Line:
    """The line through values (n,) of work of sizes (n,); `default` where nothing is known.

    Errors relative to the line are minimised under base >= 0 and slope >= 0 (Lawson & Hanson's non-negative least
    squares, its weights taken from the line before), so that many small jobs and one large one count alike; errors
    relative to the values would favour the luckiest jobs. Values of about one size cannot tell base from slope: their
    mean scales the default.
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


@cache
def _table() -> pd.DataFrame:
    return pd.read_csv(SHIPPED, comment="#").set_index("kind")


def _shipped(kind: str) -> pd.Series:
    """The shipped line of a kind, or of the kind that stands in for it: its rule's with `other`, then `other`."""
    rule = kind.partition(" ")[0]
    table = _table()
    return table.loc[next(name for name in (kind, f"{rule} other", "other") if name in table.index)]
