"""Fetch the coverage map of a HiPS from the MocServer, once."""

import argparse
import logging

from workflow_scripts.errors import InputError
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.surveys.coverage import Coverage, fetch_map
from workflow_scripts.whole_file import whole_file

parser = step_parser(__doc__)
parser.add_argument("--coverage", type=json_argument, required=True, help="hips, order and url, as JSON")
parser.add_argument("--contact", help="e-mail address or URL, for the keepers of the service")
parser.add_argument("--limits-folder", help="where jobs keep limits together, default: the user's runtime folder")
parser.add_argument("--output", required=True, help="the coverage map (MOC in FITS)")


def main(arguments: argparse.Namespace) -> None:
    """Write the map, unless the server knows no such HiPS: it sends an empty map then."""
    coverage = arguments.coverage
    body = fetch_map(coverage, arguments.limits_folder, arguments.contact)
    with whole_file(arguments.output) as temporary:
        temporary.write_bytes(body)
        try:
            sky = Coverage(temporary).moc
        except InputError as error:
            problem = str(error).removeprefix(f"{temporary}: ")
            raise InputError(
                f"surveys: coverage: {coverage['url']} gives for hips '{coverage['hips']}' a file that {problem}; is"
                " the id right (https://aladin.cds.unistra.fr/hips/list)?"
            ) from None
    logging.info("%s covers %.1f %% of the sky", coverage["hips"], 100 * sky.sky_fraction)


if __name__ == "__main__":
    run_step(main, parser)
