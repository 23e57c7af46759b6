"""Whether two folders hold the same results, to the byte."""

from pathlib import Path

COMPARED = ("**/annotations.parquet", "**/summary.json", "**/model.keras", "**/*.npy", "**/catalog.parquet", "**/*.png")


def different_results(expected: Path, found: Path) -> list[str]:
    """Paths of the results in `expected`, a results folder, that `found` lacks or has with other bytes."""
    paths = sorted(path for pattern in COMPARED for path in expected.glob(pattern))
    assert {path.name for path in paths} >= {"annotations.parquet", "summary.json", "model.keras"}
    different = []
    for path in paths:
        other = found / path.relative_to(expected)
        if not other.is_file() or other.read_bytes() != path.read_bytes():
            different.append(str(path.relative_to(expected)))
    return different
