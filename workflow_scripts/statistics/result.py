"""What every test returns."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class TestResult:
    """One test: what was estimated, how surely, and what a skeptic would have to believe.

    `unit_of_replication` is `galaxy` for statements about the given networks only, and `run` for statements about
    what a training footprint does. `estimate`, `se` and `ci95` are numbers or lists of numbers in the unit that
    `estimand` names. `p` is from the reference distribution named in `null`, `p_permutation` from permutations.
    """

    # pytest would collect a class of this name
    __test__ = False

    name: str
    estimand: str
    null: str
    unit_of_replication: str
    family: str
    n: int
    estimate: Any = None
    se: Any = None
    ci95: Any = None
    statistic: float | None = None
    dof: Any = None
    p: float | None = None
    p_permutation: float | None = None
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; NaN and infinity become null."""
        return {key: plain(value) for key, value in asdict(self).items()}


def plain(value: Any) -> Any:
    """`value` with NumPy scalars and arrays as Python numbers and lists, and NaN or infinity as None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
