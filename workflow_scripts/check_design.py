"""Check that an experiment can be drawn and answered, before any of its networks is trained."""

import argparse
import dataclasses
import logging

from workflow_scripts.answers.design_report import design_report, expected_findings
from workflow_scripts.answers.designs import name_in_file, refusal
from workflow_scripts.corrections.corrected_galaxies import check_correction
from workflow_scripts.errors import InputError
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json
from workflow_scripts.training_sets.availability import galaxies_of_design

parser = step_parser(__doc__)
parser.add_argument("--design", type=json_argument, required=True, help="the design of the experiment, as JSON")
parser.add_argument("--galaxies", type=json_argument, required=True, help="{galaxies (Parquet): [footprint]}, as JSON")
parser.add_argument("--ledger", required=True, help="outcome of every cutout (Parquet)")
parser.add_argument("--catalog", help="the catalog (Parquet), where the design asks for a correction")
parser.add_argument("--output", required=True, help="what is known of the design beforehand (JSON)")


def main(arguments: argparse.Namespace) -> None:
    """Write what is known of the design; raise `InputError` with everything that makes it useless."""
    design = arguments.design
    report = design_report(design)
    rows = galaxies_of_design(design, arguments.galaxies, arguments.ledger)
    problems = [one.sentence for one in rows if not one.fits]
    if report.problems and not design["allow_unanswerable"]:
        problems.append(refusal(name_in_file(design), report.problems))
    if correction := design.get("correction"):
        try:
            check_correction(arguments.catalog, **correction)
        except InputError as reason:
            problems.append(f"experiments.{name_in_file(design)}, {reason}")
    if problems:
        raise InputError("; ".join(problems))
    # The matching of remedies is finer than the one that the user chose.
    drawn = design.get("drawn", {})
    of_remedies = {*drawn, *(entry["family"]["name"] for entry in drawn.values() if entry["family"])}
    filled_up = [one.note for one in rows if one.note and one.name in of_remedies]
    for sentence in [*report.problems, *report.notes, *filled_up]:
        logging.warning("%s", sentence)
    galaxies_of_sets = [dataclasses.asdict(one) for one in rows]
    for sentence in expected_findings(dataclasses.asdict(report)):
        logging.info("%s", sentence)
    record = provenance(design, {}, [*arguments.galaxies, arguments.ledger])
    write_json(arguments.output, {**dataclasses.asdict(report), "galaxies": galaxies_of_sets, "provenance": record})
    logging.info("%d primary tests, %d footprints or families", len(report.tests), len({one.name for one in rows}))


if __name__ == "__main__":
    run_step(main, parser)
