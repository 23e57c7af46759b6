"""The whole download path of an experiment on a real survey, without internet: `make demo-survey`.

Starts the server of this folder, points the experiment at it, and lets Snakemake request the catalog, fetch every
cutout and collect the ledger. One request in ten goes wrong at first, as on a bad day of a real service. Everything is
made in `results/demo_survey`; started again, nothing is requested twice.

    python -m tests.services.demo_survey --experiment panstarrs --sample 500 --cores 4
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from tests.services.protocols.bricks import PIXEL_SCALE as BRICK_SCALE
from tests.services.running import REPOSITORY, RunningServer, running_survey_server

# Of the server: addresses are part of what was requested, so another one would be requested anew.
PORT = 8642
BAD_DAY = {
    "share": 0.1,
    "seed": 1,
    "attempts": 1,
    "services": ["imgcutout", "fitscut", "legacy", "hips2fits"],
    "kinds": ["503_seconds", "502", "reset", "truncated", "cut_short", "html_as_image", "empty"],
}


def local_addresses(experiment: Mapping[str, Any], server: RunningServer) -> dict[str, Any]:
    """What to lay over an experiment so that every catalog and survey of a service is requested from the server."""
    catalogs = {
        name: {"url": server.url("skyserver" if catalog["source"] == "skyserver" else "tap"), "page_rows": 1000}
        for name, catalog in experiment.get("catalogs", {}).items()
        if catalog["source"] in ("skyserver", "tap")
    }
    addresses: dict[str, dict[str, Any]] = {
        "sdss": {"url": server.url("imgcutout")},
        "panstarrs": {"url": server.url("fitscut"), "names_url": server.url("ps1filenames")},
        "legacy": {"url": server.url("legacy")},
        "bricks": {"url": server.url("bricks"), "cutout": {"pixel_scale_arcsec": BRICK_SCALE}},
        "hips2fits": {"urls": [server.url("hips2fits"), server.url("hips2fits_mirror")]},
    }
    surveys = {
        name: {**addresses[survey["kind"]], "access": {"concurrency": 8, "requests_per_second": None}, "tile_order": 0}
        for name, survey in experiment.get("surveys", {}).items()
        if survey["kind"] in addresses
    }
    return {"contact": "demo-survey@example.org", "catalogs": catalogs, "surveys": surveys}


def build_parser() -> argparse.ArgumentParser:
    """Command line of the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", default="sdss_galaxy_zoo", help="of experiments/, default: %(default)s")
    parser.add_argument("--sample", type=int, default=1000, help="galaxies, default: %(default)s")
    parser.add_argument("--cores", default="all", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=PORT, help="of the server, default: %(default)s")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "results" / "demo_survey", help="of everything")
    return parser


def main() -> None:
    """Run the demonstration; log what was requested of the server and what came."""
    arguments = build_parser().parse_args()
    file = REPOSITORY / "experiments" / f"{arguments.experiment}.yaml"
    if not file.is_file():
        sys.exit(f"error: --experiment {arguments.experiment}: there is no {file.relative_to(REPOSITORY)}")
    experiment = yaml.safe_load(file.read_text(encoding="utf-8"))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    galaxies = max(2000, arguments.sample * 3 // 2)
    try:
        with running_survey_server(BAD_DAY, latency_ms=20, galaxies=galaxies, port=arguments.port) as server:
            overlay = local_addresses(experiment, server)
            (arguments.folder / "overlay.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
            ledgers = [f"results/cutouts/{survey}/ledger.parquet" for survey in overlay["surveys"]]
            command = [sys.executable, "-m", "snakemake", "--snakefile", str(REPOSITORY / "Snakefile")]
            command += ["--directory", str(arguments.folder), "--cores", arguments.cores]
            command += ["--configfile", str(file), str(arguments.folder / "overlay.yaml")]
            command += ["--config", f"sample={arguments.sample}", "--", *ledgers]
            status = subprocess.run(command, cwd=REPOSITORY, check=False).returncode
            report = server.report()
    except RuntimeError as error:
        sys.exit(f"error: {error}")
    for service, counts in report.items():
        print(f"{service}: {counts['requests']} requests, {_told(counts['outcomes'])}")
    if status:
        sys.exit(status)
    for ledger in ledgers:
        rows = pq.read_table(arguments.folder / ledger, columns=["outcome"])
        print(f"{ledger}: {_told(Counter(rows['outcome'].to_pylist()))}")


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(counts.items(), key=lambda item: -item[1]))


if __name__ == "__main__":
    main()
