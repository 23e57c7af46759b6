"""Fetch the cutouts of one tile from a survey, check them, and write them with their ledger."""

import argparse
import logging

from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step
from workflow_scripts.surveys.archive import check_failed_share, count_outcomes, fetch_tile, write_tile
from workflow_scripts.surveys.opening import expected_size, open_survey
from workflow_scripts.surveys.requests import requests_of_tile

log = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """Command line of this step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--survey", type=json_argument, required=True, help="entry of `surveys`, as JSON")
    parser.add_argument("--catalog", required=True, help="the catalog (Parquet)")
    parser.add_argument("--truth", help="the simulated sky (Parquet), for kind simulated")
    parser.add_argument("--images", help="folder, tar or zip, for kind local")
    parser.add_argument("--tile", type=int, required=True, help="number of the tile")
    parser.add_argument(
        "--max-failed-share", type=float, default=0.01, help="of rejected and failed requests, default: %(default)s"
    )
    parser.add_argument("--output", required=True, help="the tile (Parquet)")
    return parser


def main(arguments: argparse.Namespace) -> None:
    """Write the tile, unless too many requests failed."""
    survey = arguments.survey
    requests = requests_of_tile(arguments.catalog, arguments.tile, survey["tile_order"], survey.get("equal_tiles"))
    source = open_survey(survey, arguments.truth, arguments.images)
    table = fetch_tile(source, requests, expected_size(survey))
    counts = count_outcomes(table)
    log.info("tile %d: %s", arguments.tile, ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    check_failed_share(table, arguments.max_failed_share, f"tile {arguments.tile}")
    write_tile(arguments.output, table, provenance({"survey": survey, "tile": arguments.tile}, {}, [arguments.catalog]))


if __name__ == "__main__":
    run_step(main, build_parser())
