"""Fetch the cutouts of one tile from a survey, check them, and write them with their ledger.

What is fetched from a service is kept as it comes: a job that is killed goes on where it was. By itself, on any
catalog with source_id, ra and dec (ICRS degrees):

    skybias fetch_cutouts --catalog galaxies.parquet --tile 4 --output cutouts/tile4.parquet \\
        --survey '{"kind": "sdss", "cutout": {"size_px": 120, "pixel_scale_arcsec": 0.396}}' --contact me@example.org
"""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflow_scripts.configuration.validation import validated
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.surveys.archive import check_failed_share, count_outcomes, fetch_batches, write_batches
from workflow_scripts.surveys.kept_tiles import SideFolder
from workflow_scripts.surveys.local import LocalSurvey
from workflow_scripts.surveys.registry import expected_size, kind_of, open_survey
from workflow_scripts.surveys.survey import requests_of_tile

parser = step_parser(__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument(
    "--survey", type=json_argument, required=True, help="entry of `surveys`, as JSON (docs/configuration.md)"
)
parser.add_argument("--catalog", required=True, help="the catalog (Parquet)")
parser.add_argument("--truth", help="the simulated sky (Parquet), for kind simulated")
parser.add_argument("--images", help="folder, tar or zip, for kind local")
parser.add_argument("--coverage", help="coverage map (MOC in FITS): what lies outside is not requested")
parser.add_argument("--access", type=json_argument, help="access limits of the service, as JSON; default: polite")
parser.add_argument("--contact", help="e-mail address or URL, for the keepers of the service")
parser.add_argument("--limits-folder", help="where jobs keep limits together, default: the user's runtime folder")
parser.add_argument("--tile", type=int, required=True, help="number of the tile")
parser.add_argument(
    "--max-failed-share", type=float, default=0.01, help="of rejected and failed requests, default: %(default)s"
)
parser.add_argument("--output", required=True, help="the tile (Parquet)")


def with_defaults(survey: Mapping[str, Any]) -> dict[str, Any]:
    """An entry, also one typed by hand, checked and with the defaults of its kind."""
    others: dict[str, Any] = {"active_experiments": [], "experiments": {}, "catalogs": {}}
    # Earlier versions described cutouts of local images too, which are as they are.
    given = {key: value for key, value in survey.items() if (survey.get("kind"), key) != ("local", "cutout")}
    entry = validated({**others, "surveys": {"survey": {"catalog": "catalog", **given}}})["surveys"]["survey"]
    return {key: value for key, value in entry.items() if key not in ("catalog", "max_failed_share")}


def main(arguments: argparse.Namespace) -> None:
    """Write the tile, unless too many requests failed."""
    survey = with_defaults({**arguments.survey, **({"access": arguments.access} if arguments.access else {})})
    # The access limits of a service change no image.
    access = survey.pop("access", None)
    requests = requests_of_tile(arguments.catalog, arguments.tile, survey["tile_order"], survey.get("equal_tiles"))
    side_folder = SideFolder(arguments.output, survey)
    source = open_survey(
        survey,
        truth=arguments.truth,
        images=arguments.images,
        catalog=arguments.catalog,
        access=access,
        contact=arguments.contact,
        coverage=arguments.coverage,
        limits_folder=arguments.limits_folder,
        side_folder=side_folder,
        max_failed_share=arguments.max_failed_share,
    )
    hint = source.about_names if isinstance(source, LocalSurvey) else ""
    if kind_of(survey).downloaded and not arguments.coverage:
        hint = "where a service has no images it may fail, and a map leaves such galaxies out (surveys, coverage)"
    ledger = write_batches(
        arguments.output,
        fetch_batches(
            source,
            requests,
            expected_size(survey),
            Path(arguments.output).parent,
            tuple(map(str, survey.get("extensions") or ())),
        ),
        provenance({"survey": survey, "tile": arguments.tile}, {}, [arguments.catalog]),
        lambda ledger: check_failed_share(
            ledger,
            arguments.max_failed_share,
            f"tile {arguments.tile}",
            hint,
        ),
    )
    counts = count_outcomes(ledger)
    logging.info("tile %d: %s", arguments.tile, ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    if kind_of(survey).downloaded:
        side_folder.finish()


if __name__ == "__main__":
    run_step(main, parser)
