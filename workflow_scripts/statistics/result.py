"""What every test returns."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class TestResult:
    """One test: what was estimated, how surely, and what a skeptic would have to believe.

    `unit_of_replication` is `galaxy` for statements about the given networks only, and `run` for statements about
    what a training footprint does. `estimate`, `se` and `ci95` are numbers or lists of numbers in the unit that
    `estimand` names. `p` is from a reference distribution (`log10_p` its logarithm, where p may be too small for a
    number), `p_permutation` from permutations, of which there are so few for small designs that none can be below
    `p_smallest`. `p` is known to hold down to `p_reliable` (None: it is not known how far), so that it decides where
    permutations end at `p_smallest`. `size` is the effect as one number, in the unit of `estimate` and with its sign
    where it has one, corrected for what noise adds to a length.
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
    p_smallest: float | None = None
    p_reliable: float | None = None
    size: float | None = None
    size_ci95: Any = None
    notes: list[str] = field(default_factory=list)
    log10_p: float | None = None

    @property
    def deciding_p(self) -> float | None:
        """The larger of the p there are: permutations need exchangeable runs, reference distributions normal ones.

        Where permutations give the smallest p that they can, it is `p`, though nothing below `p_reliable`.
        """
        known = [p for p in (self.p, self.p_permutation) if p is not None and math.isfinite(p)]
        if len(known) == 2 and self.p_reliable is not None and known[1] == self.p_smallest:
            return max(known[0], min(known[1], self.p_reliable))
        return max(known) if known else None

    @property
    def smallest_deciding_p(self) -> float:
        """The smallest `deciding_p` that this test could have given, whatever the effect; 0 where there is no floor."""
        if self.p_smallest is None:
            return 0.0
        return min(self.p_smallest, self.p_reliable) if self.p_reliable is not None else self.p_smallest

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, `deciding_p` among them; NaN and infinity become null."""
        return {key: plain(value) for key, value in {**asdict(self), "deciding_p": self.deciding_p}.items()}


def plain(value: Any) -> Any:
    """`value` with NumPy scalars and arrays as Python numbers and lists, and NaN or infinity as None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
