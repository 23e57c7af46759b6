"""Whether two folders hold the same results: to the byte, or in every number.

python -m tests.compared_results results            # a digest of every table of numbers
python -m tests.compared_results results others     # what differs between the two folders, in words
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COMPARED = ("**/annotations.parquet", "**/summary.json", "**/model.keras", "**/*.npy", "**/catalog.parquet", "**/*.png")
# The tables and summaries whose numbers are results; a summary's records of how it was made are left out.
NUMBERS = ("**/annotations.parquet", "bias/**/*.csv", "**/sky_maps.npz", "**/summary.json", "audit/**/*.csv")
RECORDS = ("provenance", "inputs", "versions")


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


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the data of every table and summary below a folder of results, by its path there."""
    return {str(path.relative_to(folder)): hashlib.sha256(content(path)).hexdigest() for path in files(folder)}


def files(folder: Path) -> list[Path]:
    """The files whose numbers are results."""
    found = (path for pattern in NUMBERS for path in folder.glob(pattern))
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def content(path: Path) -> bytes:
    """What a file holds beside the records of how it was made."""
    if path.suffix == ".parquet":
        table = pq.read_table(path).replace_schema_metadata(None).combine_chunks()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        return sink.getvalue().to_pybytes()
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return b"".join(name.encode() + arrays[name].tobytes() for name in sorted(arrays))
    if path.suffix == ".json":
        return json.dumps(summary(path), sort_keys=True).encode()
    return path.read_bytes()


def summary(path: Path) -> dict[str, Any]:
    """A summary without the records of how it was made."""
    return {key: value for key, value in json.loads(path.read_text()).items() if key not in RECORDS}


def differences(expected: Any, found: Any, where: str = "") -> Iterator[str]:
    """What differs between two summaries, one sentence a place."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in [*expected, *(key for key in found if key not in expected)]:
            here = f"{where}.{key}" if where else key
            if key not in expected:
                yield f"{here}: new"
            elif key not in found:
                yield f"{here}: gone"
            else:
                yield from differences(expected[key], found[key], here)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{where}[{index}]")
    elif expected != found:
        yield f"{where}: {expected!r} became {found!r}"


def main(folders: list[Path]) -> int:
    """Print the digests of one folder, or the differences of two; the exit status is 1 where there are any."""
    if len(folders) == 1:
        for name, digest in digests(folders[0]).items():
            print(digest, name)
        return 0
    expected, found = map(digests, folders)
    different = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
    for name in different:
        if name not in expected or name not in found:
            print(f"{name}: only in {folders[name in found]}")
        elif name.endswith(".json"):
            for sentence in differences(*(summary(folder / name) for folder in folders)):
                print(f"{name}: {sentence}")
        else:
            print(f"{name}: other numbers")
    print(f"{len(expected)} files, {len(different)} of them differ or stand alone")
    return int(bool(different))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="one or two folders of results")
    sys.exit(main(parser.parse_args().folders[:2]))
