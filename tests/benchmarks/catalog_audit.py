"""Ten million galaxies through the whole audit of a single catalog, from a Parquet file.

    python -m tests.benchmarks.catalog_audit [--galaxies 10000000]

Real step, made-up catalog: positions, labels, and two covariates. Baseline: the same columns read piece by piece, and
nothing computed.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.measurement import line, run_command

PIECE = 500_000
LIMITS = (180.0, 4.0)
COVARIATES = ["magnitude", "seeing"]
COLUMNS = ["ra", "dec", "label", *COVARIATES]


def write_catalog(path: Path, n: int) -> None:
    """A catalog of `n` galaxies, whose fraction of label 1 follows the seeing, and the seeing the sky."""
    random = np.random.default_rng(0)
    schema = pa.schema(
        {"source_id": pa.string(), "ra": pa.float64(), "dec": pa.float64(), "label": pa.int8()}
        | dict.fromkeys(COVARIATES, pa.float32())
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, n, PIECE):
            size = min(PIECE, n - start)
            ra, dec = random.uniform(0, 360, size), np.degrees(np.arcsin(random.uniform(-1, 1, size)))
            seeing = 1.2 + 0.1 * np.sin(np.radians(ra)) + 0.1 * random.normal(size=size)
            columns = {
                "source_id": [str(1_237_648_720_000_000_000 + start + row) for row in range(size)],
                "ra": ra,
                "dec": dec,
                "label": random.random(size) < 0.45 - 0.02 * (seeing - 1.2),
                "magnitude": 17.8 - random.exponential(0.9, size),
                "seeing": seeing,
            }
            arrays = [pa.array(columns[field.name]).cast(field.type) for field in schema]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=65_536)


def read_only(path: Path) -> None:
    """The baseline."""
    for _ in pq.ParquetFile(path).iter_batches(columns=COLUMNS):
        pass


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="keep the catalog here, and use the one that is there")
    parser.add_argument("--part", choices=["write", "read"], help="used by the benchmark itself")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        catalog = folder / "catalog.parquet"
        if arguments.part == "write":
            write_catalog(catalog, arguments.galaxies)
            return
        if arguments.part == "read":
            read_only(catalog)
            return
        itself = ["-m", "tests.benchmarks.catalog_audit", "--folder", str(folder)]
        if not catalog.exists():
            run_command([*itself, "--galaxies", str(arguments.galaxies), "--part", "write"])
        options = ["--log-level", "ERROR", "--ra", "ra", "--dec", "dec", "--label", "label"]
        options += ["--covariates", *COVARIATES]
        audit = ["-m", "workflow_scripts.audit", str(catalog), *options, "--output", str(folder / "audit")]
        cost, peak = run_command(audit)
        reading, _ = run_command([*itself, "--part", "read"])
        baseline = f"{cost.cpu / reading.cpu:.0f} times the CPU time of reading the columns, {reading}"
        print(line(f"catalog audit, {arguments.galaxies} galaxies", cost, peak, LIMITS, baseline), flush=True)


if __name__ == "__main__":
    main()
