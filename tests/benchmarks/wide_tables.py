"""Six columns of a wide table, Parquet and CSV, by the reader of catalogs.

    python -m tests.benchmarks.wide_tables [--galaxies 10000000] [--columns 200]

Real reader, made-up table. Baseline: pyarrow alone, the same columns, nothing converted.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from tests.benchmarks.measurement import line, run_command
from workflow_scripts.catalogs.readers import CatalogTable, Parts, TableOptions

PIECE = 100_000
LIMITS = (1200.0, 2.0)
USED = ["objid", "ra", "dec", "label", "redshift", "seeing"]


def pieces(n: int, columns: int) -> Iterator[pa.Table]:
    """A table of `n` galaxies and so many columns, of which those not used repeat."""
    random = np.random.default_rng(0)
    filling = pa.array(random.normal(20, 1, PIECE).round(3).astype(np.float32))
    for start in range(0, n, PIECE):
        size = min(PIECE, n - start)
        used = {
            "objid": 1_237_648_720_000_000_000 + start + np.arange(size),
            "ra": random.uniform(0, 360, size).round(7),
            "dec": np.degrees(np.arcsin(random.uniform(-1, 1, size))).round(7),
            "label": random.choice(["spiral", "elliptical"], size),
            "redshift": random.uniform(0, 0.2, size).round(5),
            "seeing": random.normal(1.2, 0.1, size).round(3),
        }
        others = {f"votes_{number}": filling[:size] for number in range(columns - len(USED))}
        yield pa.table(used | others)


def write(path: Path, n: int, columns: int) -> None:
    """Write the table in the format of its name."""
    schema = next(pieces(1, columns)).schema
    writer = pq.ParquetWriter(path, schema) if path.suffix == ".parquet" else csv.CSVWriter(path, schema)
    with writer:
        for piece in pieces(n, columns):
            writer.write_table(piece)


def read(path: Path) -> None:
    """Read the used columns as an audit does."""
    parts = Parts(
        positions=("ra", "dec"),
        classes={"label": "label"},
        texts={"source_id": "objid"},
        numbers={"redshift": "redshift", "seeing": "seeing"},
    )
    rows = sum(len(piece["row"]) for piece in CatalogTable.of(str(path), parts, TableOptions()).pieces())
    print(rows)


def read_alone(path: Path) -> None:
    """The baseline."""
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            rows = sum(len(batch) for batch in file.iter_batches(columns=USED))
    else:
        options = csv.ConvertOptions(include_columns=USED)
        rows = sum(len(batch) for batch in csv.open_csv(path, convert_options=options))
    print(rows)


def main() -> None:
    """Print a line for each format."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=10_000_000)
    parser.add_argument("--columns", type=int, default=200)
    parser.add_argument("--part", choices=["write", "read", "read_alone"], help="used by the benchmark itself")
    parser.add_argument("--file", type=Path, help="used by the benchmark itself")
    arguments = parser.parse_args()
    if arguments.part == "write":
        write(arguments.file, arguments.galaxies, arguments.columns)
        return
    if arguments.part:
        {"read": read, "read_alone": read_alone}[arguments.part](arguments.file)
        return
    size = ["--galaxies", str(arguments.galaxies), "--columns", str(arguments.columns)]
    for suffix in (".parquet", ".csv"):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"wide{suffix}"
            itself = ["-m", "tests.benchmarks.wide_tables", *size, "--file", str(file), "--part"]
            run_command([*itself, "write"])
            gigabytes = file.stat().st_size / 1e9
            cost, peak = run_command([*itself, "read"])
            alone, memory = run_command([*itself, "read_alone"])
            what = f"{suffix[1:]}, {arguments.galaxies} rows, {arguments.columns} columns, {gigabytes:.1f} GB"
            baseline = f"{cost.cpu / alone.cpu:.1f} times the CPU time of pyarrow alone, {alone}, {memory:.0f} MB"
            print(line(what, cost, peak, LIMITS, baseline), flush=True)


if __name__ == "__main__":
    main()
