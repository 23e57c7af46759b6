"""Export a footprint as a MOC."""

import argparse
import logging

from workflow_scripts.sky.footprints import footprint_axis, region_moc
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json
from workflow_scripts.whole_file import whole_file

parser = step_parser(__doc__)
parser.add_argument("--footprint", type=json_argument, required=True, help="`name` and `region`, as JSON")
parser.add_argument("--moc", required=True, help="the coverage (MOC in FITS, ICRS)")
parser.add_argument("--summary", required=True, help="its axis and its share of the sky (JSON)")


def main(arguments: argparse.Namespace) -> None:
    """Write the coverage and its summary."""
    footprint = arguments.footprint
    moc = region_moc(footprint["region"], name=footprint["name"])
    axis, sky_fraction = footprint_axis(footprint["region"], moc), float(moc.sky_fraction)
    with whole_file(arguments.moc) as temporary:
        moc.save(temporary, format="fits", overwrite=True)
    write_json(arguments.summary, {**footprint, "axis": axis, "sky_fraction": sky_fraction})
    logging.info("%s covers %.2f %% of the sky", footprint["name"], 100 * sky_fraction)


if __name__ == "__main__":
    run_step(main, parser)
