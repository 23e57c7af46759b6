"""Time, memory and disk of every stage as the number of galaxies grows, and what that means for far more of them.

    python -m tests.benchmarks.scale [--rendered 2000 6000 20000] [--seeds 1]
    python -m tests.benchmarks.scale --measured FOLDER [FOLDER ...] [--shipped FILE.csv]

The first runs experiments/scale.yaml with fewer galaxies, each size in a folder of its own; the second reads folders in
which the workflow has run already, at any size. Both print what was measured, how it grows (time = a + b N), and the
plan of the same experiment for 10 million and 1 billion rendered galaxies on 100 nodes. `--shipped` writes the lines
that `workflow_scripts.plan` falls back on (workflow_scripts/planning/shipped_costs.csv).
"""

import argparse
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from workflow_scripts.planning.cluster_requests import QUANTITIES, Line, shipped_cost
from workflow_scripts.planning.costs import CostModel, Record, fitted_line, line_of_records, read_records
from workflow_scripts.planning.dry_run import DryRun, dry_run
from workflow_scripts.planning.estimate import STAGES, estimated_plan

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENT = ROOT / "experiments" / "scale.yaml"
NODES = 100
# Wall seconds mean little on a machine that has other work; Snakemake's processor seconds miss the last half second.
GROWING = {"core_seconds": "s", "processor_seconds": "s", "longest": "s a job", "memory_mb": "MB", "disk_mb": "MB"}
PROJECTED = (10_000_000, 1_000_000_000)


@dataclass(frozen=True)
class Measured:
    """One run of the workflow: rendered galaxies, and by stage what all its jobs took."""

    rendered: int
    stages: pd.DataFrame
    records: list[Record]


def overlay(rendered: int, seeds: int) -> dict:
    """Changes to the experiment for another number of rendered galaxies; the share that is rendered stays.

    Fewer galaxies have smaller training sets in proportion; more have those of the experiment.
    """
    scale = yaml.safe_load(EXPERIMENT.read_text(encoding="utf-8"))
    galaxies = round(rendered / scale["surveys"]["million"]["rendered_share"])
    share = min(galaxies / scale["catalogs"]["million_galaxies"]["n_galaxies"], 1.0)
    return {
        "catalogs": {"million_galaxies": {"n_galaxies": galaxies}},
        "matchings": {"large": {"per_class": max(round(share * scale["matchings"]["large"]["per_class"]), 8)}},
        "experiments": {"scale": {"arms": {"rotating": {"seeds": list(range(seeds))}}}},
    }


def planned(folder: Path, *more: Path) -> DryRun:
    """What Snakemake would do for the experiment in a folder."""
    return dry_run(["--directory", str(folder), "--configfile", str(EXPERIMENT), *map(str, more)])


def run_workflow(folder: Path, rendered: int, seeds: int, cores: int) -> Measured:
    """Run the experiment in a folder."""
    folder.mkdir(parents=True)
    changes = folder / "overlay.yaml"
    changes.write_text(yaml.safe_dump(overlay(rendered, seeds)), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    command += ["--configfile", str(EXPERIMENT), str(changes), "--cores", str(cores), "--quiet", "all"]
    subprocess.run(command, check=True)
    return measured_in(folder)


def measured_in(folder: Path) -> Measured:
    """What the jobs of a folder took, from its benchmark files and results."""
    rows = []
    for path in sorted((folder / "benchmarks").rglob("*.tsv")):
        row = pd.read_csv(path, sep="\t").iloc[-1]
        memory = pd.to_numeric(row["max_rss"], errors="coerce")
        stage = path.relative_to(folder / "benchmarks").parts[0]
        rows.append({"stage": stage, "seconds": row["s"], "processor": row["cpu_time"], "memory": memory})
    stages = (
        pd.DataFrame(rows)
        .groupby("stage")
        .agg(
            jobs=("seconds", "size"),
            core_seconds=("seconds", "sum"),
            processor_seconds=("processor", "sum"),
            longest=("seconds", "max"),
            memory_mb=("memory", "max"),
        )
    )
    files = {stage: (folder / "results" / stage).rglob("*") for stage in stages.index}
    stages["disk_mb"] = [
        sum(path.stat().st_size for path in files[stage] if path.is_file()) / 1e6 for stage in stages.index
    ]
    records = read_records(folder, planned(folder).outputs)
    rendered = sum(record.work.size for record in records if record.work.kind.startswith("fetch_cutouts"))
    return Measured(int(rendered), stages.loc[[stage for stage in STAGES if stage in stages.index]], records)


def print_measured(runs: Sequence[Measured]) -> None:
    """A table a size, and growth: the line through all sizes, and the power between the two largest."""
    for run in runs:
        print(f"\n{run.rendered} rendered galaxies")
        print(run.stages.round(1).to_string())
    if len(runs) < 2:
        return
    print("\nwhat does not grow + what 100,000 rendered galaxies add; the power of N between the two largest sizes")
    sizes = np.array([run.rendered for run in runs], float)
    for stage in runs[-1].stages.index:
        parts = []
        for column, unit in GROWING.items():
            values = np.array([run.stages[column].get(stage, np.nan) for run in runs], float)
            line = fitted_line(sizes, values, Line(0.0, 0.0))
            power = np.log(values[-1] / values[-2]) / np.log(sizes[-1] / sizes[-2])
            parts.append(f"{column} {line.base:.1f} + {1e5 * line.per_unit:.1f} {unit} (N^{power:.2f})")
        print(f"{stage:10} {'; '.join(parts)}")


def print_projection(runs: Sequence[Measured], seeds: int) -> None:
    """The plan of the experiment at sizes that were not run, on many nodes, and its largest jobs."""
    model = CostModel([record for run in runs for record in run.records])
    for rendered in PROJECTED:
        with tempfile.TemporaryDirectory() as folder:
            changes = Path(folder) / "overlay.yaml"
            changes.write_text(yaml.safe_dump(overlay(rendered, seeds)), encoding="utf-8")
            run = replace(planned(Path(folder), changes), slots=NODES)
            plan = estimated_plan(run, model)
            costs = {job.rule: model.of(job.work) for job in run.jobs}
        total, disk = plan["total"]["core_seconds"] / 3600, plan["disk"]["written_bytes"] / 1e9
        print(
            f"\n{rendered:,} rendered galaxies on {NODES} nodes: {plan['wall_seconds'] / 3600:.1f} h,"
            f" {total:.0f} core hours, {disk:.0f} GB"
        )
        for rule, cost in sorted(costs.items(), key=lambda item: -item[1].memory_mb)[:5]:
            print(f"  {rule:18} {cost.memory_mb / 1024:9.1f} GB  {cost.seconds / 3600:7.2f} h a job")


def shipped_lines(records: Sequence[Record]) -> Iterator[dict[str, float | str]]:
    """Lines by kind, in the form of the shipped figures."""
    where = f"2 cores of {platform.machine()}, scale benchmark"
    for kind in sorted({record.work.kind for record in records}):
        of_kind = [record for record in records if record.work.kind == kind]
        row: dict[str, float | str] = {"kind": kind, "unit": shipped_cost(kind).unit}
        for quantity in QUANTITIES:
            line = line_of_records(of_kind, quantity, Line(0.0, 0.0))
            row |= {quantity: float(f"{line.base:.4g}"), f"{quantity}_per_unit": float(f"{line.per_unit:.4g}")}
        yield row | {"measured": where}


def main() -> None:
    """Print what was measured and what follows from it."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog="docs/scale.md has the figures of a large run"
    )
    parser.add_argument("--rendered", nargs="+", type=int, default=[2_000, 6_000, 20_000], help="sizes to run")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each footprint, default: %(default)s")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="run below this folder and keep it")
    parser.add_argument("--measured", nargs="+", type=Path, help="folders in which the workflow has run: run nothing")
    parser.add_argument("--shipped", type=Path, help="write the shipped figures of the preview to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.measured:
            runs = [measured_in(folder) for folder in arguments.measured]
        else:
            below = arguments.keep or Path(temporary)
            runs = [
                run_workflow(below / str(size), size, arguments.seeds, arguments.cores) for size in arguments.rendered
            ]
        runs.sort(key=lambda run: run.rendered)
        print_measured(runs)
        print_projection(runs, arguments.seeds)
        if arguments.shipped:
            rows = list(shipped_lines([record for run in runs for record in run.records]))
            other = {"kind": "other", "unit": "job", "seconds": 1.5, "seconds_per_unit": 0.0, "memory_mb": 200.0}
            other |= {"memory_mb_per_unit": 0.0, "disk_bytes": 1e5, "disk_bytes_per_unit": 0.0, "measured": "assumed"}
            pd.DataFrame([*rows, other]).to_csv(arguments.shipped, index=False)


if __name__ == "__main__":
    main()
