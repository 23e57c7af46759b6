"""How often the answers of audits are wrong: shares of yes, no and cannot tell on mock catalogs with a known truth.

    python -m tests.benchmarks.audit_answers --csv answers.csv [--mocks 200] [--first 0] [--skies full_sky ...]
        [--sizes 300 3000 ...] [--fractions 0.4 ...] [--clustering 0 1 ...] [--effects 0 1 2]

Cells that are in the file with the same mocks are not made again, and parts with other mocks (`--first 200`) add up.
An effect is once or twice the typical limit, the median of `limit95` over eleven mocks without one (five of a million
galaxies), along a random axis that the sky constrains; where fractions would leave 0 to 1, the largest possible effect
is taken. `--table` prints the file as a Markdown table, a line for each cell or for each of what is named (`--table sky
galaxies`), without mocks.
"""

import argparse
import csv
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from pathlib import Path
from statistics import median

import numpy as np

from tests.benchmarks.mock_catalogs import REGIONS, MockCatalog, Trend
from workflow_scripts.answers.answer import CANNOT_TELL, NO, YES, Answer
from workflow_scripts.audits import audit_answers
from workflow_scripts.audits.audit_findings import AuditFinding, AuditSettings, Findings
from workflow_scripts.audits.catalog_sums import CatalogSums
from workflow_scripts.audits.single_catalog import OneAnnotation, single_catalog_tests
from workflow_scripts.audits.table_pieces import AuditColumns
from workflow_scripts.statistics.sky import constrained_components as sky_gate

SIZES = (300, 3_000, 20_000, 1_000_000)
FRACTIONS = (0.02, 0.1, 0.4)
CLUSTERED_DEG = (0, 1, 3)
EFFECTS = (0, 1, 2)
# The tests that the primary answer rests on; the others are not made.
_NEEDED = ("dipole_score", "field_gradient", "block_dipole")
# Of a million galaxies limits hardly scatter.
_FOR_TYPICAL_LIMIT, _OF_MANY = 11, 5
# From so many galaxies on, all mocks of a cell are at the same places, drawn once.
_PLACES_ONCE = 100_000
SETTINGS = AuditSettings()
COLUMNS = AuditColumns(labels=("label",))


@dataclass(frozen=True)
class Cell:
    """Where the mocks are, how many galaxies they have, and what is true."""

    sky: str
    galaxies: int
    fraction: float
    clustered_deg: float
    effect: float


@dataclass(frozen=True)
class Row:
    """What came of the mocks `first` to `first + mocks` of a cell.

    `typical_limit` is NaN where mocks without an effect have none; `size` the median effect; `wrong_no` counts "no"
    where the effect is above the stated limit; `rejected` p below the level, whatever the answer.
    """

    sky: str
    galaxies: int
    fraction: float
    clustered_deg: float
    effect: float
    first: int
    mocks: int
    yes: int
    no: int
    cannot_tell: int
    wrong_no: int
    size: float
    typical_limit: float
    seconds: float

    @property
    def cell(self) -> Cell:
        """Its cell."""
        return Cell(self.sky, self.galaxies, self.fraction, self.clustered_deg, self.effect)


class _NeededOnly(Findings):
    """Findings that leave out the tests that no primary answer rests on."""

    def attempt(self, name, test):
        if name in _NEEDED:
            super().attempt(name, test)


def answer_of(sums: CatalogSums, settings: AuditSettings = SETTINGS) -> tuple[Answer, AuditFinding | None]:
    """The primary answer of an audit of these sums, and the test that made it."""
    findings = _NeededOnly()
    single_catalog_tests(OneAnnotation(sums, sums.annotations[0], "label", "", settings), findings)
    answers = audit_answers.audit_answers(findings, findings.ledger(settings.alpha), {}, COLUMNS, "1", settings.alpha)
    return answers[0], findings.get(answers[0].test)


def mock_catalog(cell: Cell, mock: int) -> MockCatalog:
    """The galaxies of a mock; of many galaxies the same for all mocks."""
    drawn = 0 if cell.galaxies >= _PLACES_ONCE else mock
    random = np.random.default_rng([list(REGIONS).index(cell.sky), cell.galaxies, drawn])
    return MockCatalog.drawn(REGIONS[cell.sky], cell.galaxies, random)


def run_mocks(cell: Cell, first: int, mocks: int, typical_limit: float) -> Row:
    """Make the mocks of a cell, and count their answers."""
    started, given, wrong_no, sizes = time.perf_counter(), [], 0, []
    catalog = None
    for mock in range(first, first + mocks):
        if catalog is None or cell.galaxies < _PLACES_ONCE:
            catalog = mock_catalog(cell, mock)
        answer, size = _one_mock(cell, catalog, mock, typical_limit)
        given.append(answer.answer)
        sizes.append(size)
        wrong_no += int(answer.answer == NO and size > (answer.limit95 or 0.0))
    counts = [given.count(kind) for kind in (YES, NO, CANNOT_TELL)]
    seconds = time.perf_counter() - started
    return Row(**asdict(cell), first=first, mocks=mocks, yes=counts[0], no=counts[1], cannot_tell=counts[2],
               wrong_no=wrong_no, size=median(sizes), typical_limit=typical_limit, seconds=seconds)  # fmt: skip


def _one_mock(cell: Cell, catalog: MockCatalog, mock: int, typical_limit: float) -> tuple[Answer, float]:
    seed = [int(1000 * cell.fraction), int(cell.clustered_deg), int(10 * cell.effect), mock, 7]
    random = np.random.default_rng(seed)
    trend = random_trend(catalog, cell.fraction, random)
    size = 0.0
    if cell.effect:
        size = min(cell.effect * typical_limit, catalog.largest_size(cell.fraction, trend))
    sums = catalog.sums(cell.fraction, replace(trend, size=size), cell.clustered_deg, random)
    return answer_of(sums)[0], size


def random_trend(catalog: MockCatalog, fraction: float, random: np.random.Generator) -> Trend:
    """A trend of size 0 along a random axis within what the sky constrains: across a field, else a dipole."""
    largest = min(fraction, 1 - fraction)
    sky = sky_gate.constrained_components(catalog.position_sums, fraction * (1 - fraction), largest)
    axes = sky.axes[:2] if sky.kind == sky_gate.FIELD else sky.kept
    direction = random.standard_normal(len(axes)) @ axes
    return Trend(0.0, direction / np.linalg.norm(direction), sky.kind == sky_gate.FIELD)


def typical_limit_of(cell: Cell) -> float:
    """The median limit of mocks without an effect; NaN where half of them have none."""
    limits, catalog = [], None
    null = Cell(cell.sky, cell.galaxies, cell.fraction, cell.clustered_deg, 0)
    for mock in range(_FOR_TYPICAL_LIMIT if cell.galaxies < _PLACES_ONCE else _OF_MANY):
        if catalog is None or cell.galaxies < _PLACES_ONCE:
            catalog = mock_catalog(null, mock)
        answer, _ = _one_mock(null, catalog, mock, 0.0)
        limits.append(np.inf if answer.limit95 is None else answer.limit95)
    found = median(limits)
    return found if np.isfinite(found) else float("nan")


def read_rows(path: Path) -> list[Row]:
    """The rows of a file, none where there is no file."""
    if not path.exists():
        return []
    kinds = {field.name: {"int": int, "float": float}.get(str(field.type), str) for field in fields(Row)}
    kinds |= {field.name: field.type for field in fields(Row) if isinstance(field.type, type)}
    with path.open(newline="", encoding="utf-8") as file:
        return [Row(**{key: kinds[key](value) for key, value in row.items()}) for row in csv.DictReader(file)]


def append_row(path: Path, row: Row) -> None:
    """Add a row at the end of a file, with a head where it is new."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        if new:
            writer.writeheader()
        writer.writerow(asdict(row))


def run_cells(cells: Sequence[Cell], first: int, mocks: int, path: Path) -> Iterator[Row]:
    """Make what is not in the file yet, a row at a time, and add it."""
    rows = read_rows(path)
    typical = {(row.sky, row.galaxies, row.fraction, row.clustered_deg): row.typical_limit for row in rows}
    done = {(row.cell, row.first, row.mocks) for row in rows}
    for cell in cells:
        if (cell, first, mocks) in done:
            continue
        key = (cell.sky, cell.galaxies, cell.fraction, cell.clustered_deg)
        if key not in typical:
            typical[key] = typical_limit_of(cell)
        if cell.effect and not np.isfinite(typical[key]):
            continue
        row = run_mocks(cell, first, mocks, typical[key])
        append_row(path, row)
        yield row


KEYS = ("sky", "galaxies", "fraction", "clustered_deg")
_TITLES = {"sky": "sky", "galaxies": "galaxies", "fraction": "fraction", "clustered_deg": "clustered (deg)"}


def table_text(rows: Sequence[Row], keys: Sequence[str] = KEYS, alpha: float = SETTINGS.alpha) -> str:
    """Markdown: a line for each combination of keys, cells that agree in them together; what misses is in bold.

    A wrong "yes" may be as frequent as the level, a "no" with an effect above its limit 5 %, plus two binomial errors.
    """
    merged: dict[tuple, dict[float, list[Row]]] = {}
    for row in rows:
        of_line = merged.setdefault(tuple(getattr(row, key) for key in keys), {})
        of_line.setdefault(row.effect, []).append(row)
    head = [*(_TITLES[key] for key in keys), "mocks", "wrong yes", "cannot tell", "limit"]
    head += [f"{share} at {effect:g}x" for effect in EFFECTS[1:] for share in ("mocks", "yes", "wrong no")]
    lines = ["| " + " | ".join(head) + " |", "| --- " + "| ---: " * (len(head) - 1) + "|"]
    for key, by_effect in merged.items():
        nulls = by_effect.get(0, [])
        if not nulls:
            continue
        line = [REGIONS[one].title if one in REGIONS else f"{one:,g}" for one in key]
        limits = [row.typical_limit for row in nulls if np.isfinite(row.typical_limit)]
        line += [f"{_mocks(nulls):,}", _share(nulls, "yes", alpha), _share(nulls, "cannot_tell")]
        line.append(_range(limits) if limits else "none")
        for effect in EFFECTS[1:]:
            found = by_effect.get(effect)
            made = [f"{_mocks(found):,}", _share(found, "yes"), _share(found, "wrong_no", 0.05)] if found else [""] * 3
            line += made
        lines.append("| " + " | ".join(line) + " |")
    return "\n".join(lines)


def _mocks(rows: Sequence[Row]) -> int:
    return sum(row.mocks for row in rows)


def _range(values: Sequence[float]) -> str:
    """The least and the largest, one where they are the same."""
    return " to ".join(dict.fromkeys(f"{value:.2g}" for value in (min(values), max(values))))


def _share(rows: Sequence[Row], name: str, promised: float | None = None) -> str:
    mocks = _mocks(rows)
    share = sum(getattr(row, name) for row in rows) / mocks
    if promised is not None and share > promised + 2 * np.sqrt(promised * (1 - promised) / mocks):
        return f"**{share:.3f}**"
    return f"{share:.3f}"


def main() -> None:
    """Make mocks, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--mocks", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first mock")
    parser.add_argument("--skies", nargs="+", choices=list(REGIONS), default=list(REGIONS))
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--fractions", nargs="+", type=float, default=FRACTIONS)
    parser.add_argument("--clustering", nargs="+", type=float, default=CLUSTERED_DEG, help="degrees")
    parser.add_argument("--effects", nargs="+", type=float, default=EFFECTS, help="in typical limits")
    parser.add_argument("--table", nargs="*", choices=KEYS, help="a line for each of these (default: for each cell)")
    arguments = parser.parse_args()
    if arguments.table is not None:
        print(table_text(read_rows(arguments.csv), arguments.table or KEYS))
        return
    parts = (arguments.sizes, arguments.skies, arguments.fractions, arguments.clustering, arguments.effects)
    cells = [Cell(sky, n, f, clustered, effect) for n, sky, f, clustered, effect in product(*parts)]
    for row in run_cells(cells, arguments.first, arguments.mocks, arguments.csv):
        print(f"{row.cell}: yes {row.yes}, no {row.no} ({row.wrong_no} wrong), cannot tell {row.cannot_tell}, size"
              f" {row.size:.3g}, {row.seconds / row.mocks:.2f} s a mock", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
