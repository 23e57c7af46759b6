"""Correct an audited catalog: a debiased map, weights, coefficients, and the bias for mocks."""

import argparse
import logging

from workflow_scripts.audits.audit_options import add_audit_options, audited_sources, check_audit_options
from workflow_scripts.corrections.corrected_galaxies import METHODS, galaxies_of_catalog
from workflow_scripts.corrections.correction_files import write_correction
from workflow_scripts.corrections.measured_correction import measured_correction
from workflow_scripts.provenance import provenance
from workflow_scripts.step import run_step, step_parser

parser = step_parser(__doc__)
add_audit_options(parser)
_correction = parser.add_argument_group("the correction")
_correction.add_argument("--method", choices=METHODS, default=METHODS[0], help="default: %(default)s")
_correction.add_argument("--nside", type=int, choices=[2**order for order in range(2, 11)], help="of the map")
_correction.add_argument(
    "--labelled-at-random", action="store_true", help="galaxies with a --reference label are a random part of all"
)


def main(arguments: argparse.Namespace) -> None:
    """Write correction.json, coefficients.csv, weights.parquet, bias.json and maps/."""
    check_audit_options(arguments)
    source, _ = audited_sources(arguments)
    galaxies = galaxies_of_catalog(source)
    measured = measured_correction(galaxies, arguments.method, arguments.labelled_at_random, arguments.seed)
    config = {key: value for key, value in vars(arguments).items() if key not in ("output", "debug", "log_level")}
    files = [arguments.catalog, *([arguments.compare] if arguments.compare else [])]
    record = provenance(config, {"patches": arguments.seed}, files)
    write_correction(arguments.output, measured, arguments.nside, arguments.name or str(source.path), record)
    logging.info("%s", measured.summary["sentence"])


if __name__ == "__main__":
    run_step(main, parser)
