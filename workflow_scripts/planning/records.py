"""What earlier jobs of this folder took: Snakemake's benchmark files, each with the size of the work it is about.

The size is read from what the job wrote, not from the configuration, which may have changed since.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.surveys.registry import pixels_of_cutout, requests_of_cutout
from workflow_scripts.tables import recorded_config

# The newest records of a rule are enough, and a folder may hold thousands.
MOST_OF_A_RULE = 200


@dataclass(frozen=True)
class Record:
    """What one job took: wall seconds, peak memory (MB, resident) and bytes written, for work of a size.

    `kind`, `size` and `written` are those of `Work`. The memory of a job too short to be looked at is NaN.
    """

    kind: str
    size: float
    seconds: float
    memory_mb: float
    disk_bytes: float
    written: float


def read_records(directory: Path) -> list[Record]:
    """The newest records below `directory`/benchmarks whose results are still there."""
    taken: Counter[str] = Counter()
    found = []
    for path in sorted((directory / "benchmarks").rglob("*.tsv"), key=lambda path: -path.stat().st_mtime_ns):
        rule = path.stem
        if taken[rule] < MOST_OF_A_RULE and (record := _record(path, rule, directory)):
            taken[rule] += 1
            found.append(record)
    return found


def _record(path: Path, rule: str, directory: Path) -> Record | None:
    # benchmarks/cutouts/sky/tile3/fetch_cutouts.tsv is about results/cutouts/sky/tile3.*
    place = directory / "results" / path.parent.relative_to(directory / "benchmarks")
    try:
        row = pd.read_csv(path, sep="\t").iloc[-1]
        memory = float(pd.to_numeric(row["max_rss"], errors="coerce"))
        kind, size = _work(rule, place, directory / "results")
        written = size * _pixels_written(rule, place)
        return Record(kind, size, float(row["s"]), memory, _bytes_written(rule, place), written)
    except (OSError, ValueError, KeyError, IndexError, TypeError, pa.ArrowException):
        # A result that is gone, cut off or of an older form tells nothing about its job.
        return None


def _work(rule: str, place: Path, results: Path) -> tuple[str, float]:
    """Kind and size of a finished job's work."""
    beside = place.with_name(f"{place.name}.parquet")
    match rule:
        case "simulate_sky":
            return rule, _rows(place / "truth.parquet")
        case "make_catalog":
            return rule, _rows(place / "catalog.parquet")
        case "list_positions":
            return rule, _rows(place / "positions.parquet")
        case "fetch_cutouts":
            survey = recorded_config(beside)["survey"]
            return f"{rule} {survey['kind']}", _filled_rows(beside, "image") * requests_of_cutout(survey)
        case "prepare_images":
            return rule, _rows(beside)
        case "collect_ledger":
            return rule, _rows(place / "ledger.parquet")
        case "index_images":
            return rule, _rows(place / "index.parquet")
        case "draw_training_set":
            # training/{survey}/{footprint}/resample{r}: drawn from the galaxies of the survey.
            return rule, _rows(results / "cutouts" / place.parts[-3] / "ledger.parquet")
        case "train":
            return _training(_read_json(place / "run.json"))
        case "annotate":
            # inference/{survey}/{footprint}/{network}/resample{r}_seed{s}
            annotations = place / "annotations.parquet"
            network = recorded_config(annotations)["network"]
            pixels = _pixels(results / "images" / place.parts[-4] / network["recipe"])
            return f"{rule} {network['architecture']}", _rows(annotations) * pixels
        case "measure_bias" | "draw_galaxies":
            return rule, float(pd.read_csv(results / "bias" / place.name / "runs.csv")["n"].sum())
        case "draw_runs":
            return rule, len(pd.read_csv(results / "bias" / place.name / "runs.csv"))
        case "draw_footprints":
            return rule, pd.read_csv(results / "bias" / place.name / "runs.csv")["footprint"].nunique()
        case "draw_sky_maps":
            survey = _read_json(results / "bias" / place.name / "summary.json")["provenance"]["config"]["survey"]
            return rule, _rows(results / "cutouts" / survey / "ledger.parquet")
        case "audit":
            (catalog, *_) = _read_json(place / "summary.json")["inputs"]
            return rule, (results.parent / catalog).stat().st_size
    return rule, 1


def _pixels_written(rule: str, place: Path) -> int:
    """Numbers in one of the images that a job writes; 1 where it writes none."""
    if rule == "fetch_cutouts":
        return pixels_of_cutout(recorded_config(place.with_name(f"{place.name}.parquet"))["survey"])
    return _pixels(place.parent) if rule == "prepare_images" else 1


def _training(run: dict[str, Any]) -> tuple[str, float]:
    network, training = run["config"]["network"], run["training"]
    if network["mode"] == "annotate":
        return f"train {network['architecture']} (finished)", 1
    height, width, channels = training["image_shape"]
    galaxies = sum(training["n_train"].values())
    return f"train {network['architecture']}", galaxies * training["epochs"] * height * width * channels


def _bytes_written(rule: str, place: Path) -> int:
    written: Iterable[Path]
    match rule:
        case "fetch_cutouts" | "prepare_images" | "map_footprint":
            written = place.parent.glob(f"{place.name}.*")
        case "simulate_sky":
            written = place.glob("truth.*")
        case "make_catalog":
            written = [place / "catalog.parquet", place / "hygiene.json"]
        case "list_positions":
            written = place.glob("positions.*")
        case "fetch_coverage":
            written = place.glob("coverage.*")
        case "query_catalog":
            written = place.glob("answer.*")
        case "collect_ledger":
            written = place.glob("ledger.*")
        case "index_images":
            written = place.glob("index.*")
        case "draw_runs" | "draw_sky_maps" | "draw_galaxies" | "draw_footprints":
            # They share a folder of figures, which is counted once, with the runs.
            written = place.glob("figures/*") if rule == "draw_runs" else []
        case _:
            written = (path for path in place.glob("*") if path.is_file())
    return sum(path.stat().st_size for path in written)


def _rows(path: Path) -> int:
    return pq.read_metadata(path).num_rows


def _filled_rows(path: Path, column: str) -> int:
    """Rows of a Parquet file that have a value in a column, told from its footer."""
    footer = pq.read_metadata(path)
    number = footer.schema.to_arrow_schema().get_field_index(column)
    groups = (footer.row_group(group).column(number) for group in range(footer.num_row_groups))
    return footer.num_rows - sum(chunk.statistics.null_count for chunk in groups if chunk.statistics)


def _pixels(images: Path) -> int:
    """Numbers in one image of a recipe."""
    recipe = recorded_config(min(images.glob("tile*.parquet")))
    return recipe["size_px"] ** 2 * recipe["channels"]


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
