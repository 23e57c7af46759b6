"""Peak memory of annotating a million galaxies, beside that of annotating a tenth of them.

    python -m tests.benchmarks.annotation_memory [--galaxies 1000000]

Real files, real step, made-up pixels: noise is as large as galaxies are.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from workflow_scripts.images.arrays import write_images, write_index
from workflow_scripts.tables import write_table

SHAPE = (32, 32, 1)
PER_TILE = 50_000
NETWORK = {"architecture": "lenet5", "threads": 1}
_SAVE_MODEL = """
import sys
from pathlib import Path
from workflow_scripts.networks.architectures import build_model
from workflow_scripts.networks.model_files import write_model
write_model(Path(sys.argv[1]), build_model({"architecture": "lenet5"}, (32, 32, 1), 2), {"config": {}})
"""


def write_survey(folder: Path, n: int) -> None:
    """A catalog of `n` galaxies with 19-digit ids, all in the annotation set, and their images in tiles."""
    random = np.random.default_rng(0)
    ids = np.array([str(1_237_648_720_000_000_000 + number) for number in range(n)], object)
    ra, dec = random.uniform(0, 360, n), np.degrees(np.arcsin(random.uniform(-1, 1, n)))
    columns = {"source_id": ids, "ra": ra, "dec": dec, "split": pa.array(["annotation"] * n)}
    write_table(folder / "catalog.parquet", pa.table(columns), {"config": {}})
    noise = random.integers(0, 256, (256, *SHAPE), dtype=np.uint8)
    arrays, lists = [], []
    for start in range(0, n, PER_TILE):
        listed = ids[start : start + PER_TILE]
        arrays.append(folder / f"tile{len(arrays)}.npy")
        lists.append(folder / f"tile{len(lists)}.parquet")
        write_images(arrays[-1], (len(listed), *SHAPE), (noise[k % len(noise)] for k in range(len(listed))))
        rows = pa.table({"source_id": listed, "row": np.arange(len(listed), dtype=np.int32)})
        write_table(lists[-1], rows, {"config": {}})
    write_index(folder / "index.parquet", arrays, lists)


def annotate(folder: Path) -> None:
    """Run the step and print its peak memory, in a process of its own, since peaks never go down."""
    command = [
        sys.executable,
        "-m",
        "workflow_scripts.annotate",
        "--network",
        json.dumps(NETWORK),
        "--footprint",
        "none",
    ]
    command += ["--model", str(folder / "model.keras"), "--index", str(folder / "index.parquet")]
    command += ["--catalog", str(folder / "catalog.parquet"), "--output", str(folder / "annotations.parquet")]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def main() -> None:
    """Print one line for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galaxies", type=int, default=1_000_000)
    parser.add_argument("--folder", help="measure the survey in this folder (used by the benchmark itself)")
    arguments = parser.parse_args()
    if arguments.folder:
        annotate(Path(arguments.folder))
        print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        return
    for n in (arguments.galaxies // 10, arguments.galaxies):
        with tempfile.TemporaryDirectory() as folder:
            write_survey(Path(folder), n)
            subprocess.run(
                [sys.executable, "-c", _SAVE_MODEL, f"{folder}/model.keras"], check=True, stderr=subprocess.DEVNULL
            )
            command = [sys.executable, "-m", "tests.benchmarks.annotation_memory", "--folder", folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(f"{n:>9} galaxies: peak memory {int(done.stdout) / 1024:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
