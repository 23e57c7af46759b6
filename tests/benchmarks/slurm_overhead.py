"""What SLURM and the two Snakemakes of every job cost beside the work, and how that shrinks when a job does more.

    python -m tests.benchmarks.slurm_overhead [--tiles 2 8]

Runs a part of experiments/tiny.yaml through profiles/slurm on a private cluster on this machine, one job at a time,
with the survey cut into few and into many tiles, and compares what the scheduler recorded with what the steps took by
their own benchmark files. The waiting of a busy cluster is not in it. Needs SLURM and munge (docs/cluster.md).
"""

import argparse
import re
import tempfile
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pandas as pd
import yaml

from tests.slurm.private_cluster import PrivateCluster, missing_programs
from tests.slurm.submitted_run import SubmittedRun

ROOT = Path(__file__).resolve().parents[2]
IN_TILES = ("fetch_cutouts", "prepare_images")


def experiment(tiles: int) -> dict:
    """Two runs of the tiny experiment, its survey in so many tiles of equal numbers of galaxies."""
    config = yaml.safe_load((ROOT / "experiments" / "tiny.yaml").read_text(encoding="utf-8"))
    config["surveys"]["tiny_survey"]["equal_tiles"] = tiles
    halves = config["experiments"]["tiny"]["arms"]["halves"]
    config["experiments"]["tiny"]["arms"] = {"halves": halves | {"replicates": 1}}
    return config


def recorded(cluster: PrivateCluster, known: set[str]) -> list[tuple[str, float, float]]:
    """(rule, seconds in the queue, seconds on the node) of every job that is not among the `known`."""
    rules = {job["id"]: job["rule"] for job in cluster.jobs()}
    found = []
    for line in cluster.run("scontrol", "--oneliner", "show", "jobs").splitlines():
        fields = dict(re.findall(r"(\w+)=(\S+)", line))
        if fields.get("JobId") in rules and fields["JobId"] not in known:
            submitted, started, ended = (
                datetime.fromisoformat(fields[name]) for name in ("SubmitTime", "StartTime", "EndTime")
            )
            seconds = (started - submitted).total_seconds(), (ended - started).total_seconds()
            found.append((rules[fields["JobId"]], *seconds))
    return found


def steps(analysis: Path) -> dict[str, float]:
    """Seconds that the steps of each rule took in all, by Snakemake's benchmark files."""
    found: dict[str, float] = defaultdict(float)
    for path in (analysis / "benchmarks").rglob("*.tsv"):
        found[path.stem] += float(pd.read_csv(path, sep="\t")["s"].iloc[-1])
    return found


def main() -> None:
    """Print a line for each number of tiles."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", nargs="+", type=int, default=[2, 8])
    arguments = parser.parse_args()
    if missing := missing_programs():
        raise SystemExit(f"SLURM is not installed on this machine (no {', '.join(missing)})")
    with tempfile.TemporaryDirectory(prefix="slurm", ignore_cleanup_errors=True) as folder:
        place = Path(folder) / "cluster"
        place.mkdir()
        cluster = PrivateCluster(place, ROOT / "profiles" / "slurm" / "without_accounting")
        cluster.start()
        try:
            for tiles in arguments.tiles:
                known = {job["id"] for job in cluster.jobs()}
                run = SubmittedRun(cluster, ROOT, Path(folder) / f"tiles{tiles}")
                run.write_config(experiment(tiles))
                if run.run("--jobs", "1"):
                    raise SystemExit(run.printed()[-3000:])
                _print(tiles, recorded(cluster, known), steps(run.analysis))
        finally:
            cluster.stop()


def _print(tiles: int, jobs: list[tuple[str, float, float]], work: dict[str, float]) -> None:
    rules = {rule for rule, _, _ in jobs}
    queued, on_node = (sum(job[column] for job in jobs) for column in (1, 2))
    beside = (on_node - sum(work[rule] for rule in rules)) / len(jobs)
    line = f"{tiles} tiles, {len(jobs)} jobs one at a time: {queued / len(jobs):.1f} s in the queue and {beside:.1f} s"
    line += f" on the node beside the {sum(work[rule] for rule in rules) / len(jobs):.1f} s of the step, a job"
    for rule in IN_TILES:
        seconds = sum(seconds for name, _, seconds in jobs if name == rule)
        line += f"; {rule} {seconds:.0f} s in all, of which work {work[rule]:.1f} s"
    print(line)


if __name__ == "__main__":
    main()
