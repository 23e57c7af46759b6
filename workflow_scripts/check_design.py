"""Check that an experiment can be drawn and answered, before any of its networks is trained."""

import argparse
import dataclasses
import logging

from workflow_scripts.answers.design_report import design_report
from workflow_scripts.answers.designs import refusal, region_in_design
from workflow_scripts.errors import InputError
from workflow_scripts.provenance import provenance
from workflow_scripts.runs import runs_of_experiment
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import read_table, recorded_config, write_json
from workflow_scripts.training_sets.availability import availability
from workflow_scripts.training_sets.split import training_pool

parser = step_parser(__doc__)
parser.add_argument("--design", type=json_argument, required=True, help="the design of the experiment, as JSON")
parser.add_argument("--galaxies", type=json_argument, required=True, help="{galaxies (Parquet): [footprint]}, as JSON")
parser.add_argument("--ledger", required=True, help="outcome of every cutout (Parquet)")
parser.add_argument("--output", required=True, help="what is known of the design beforehand (JSON)")


def main(arguments: argparse.Namespace) -> None:
    """Write what is known of the design; raise `InputError` with everything that makes it useless."""
    design = arguments.design
    report = design_report(design)
    ledger = read_table(arguments.ledger, ["source_id", "outcome"])
    # Numbers of resamples are those of draws one after the other: the largest counts.
    sets: dict[str, int] = {}
    for run in runs_of_experiment(design):
        sets[run.footprint] = max(sets.get(run.footprint, 0), run.resample + 1)
    rows = []
    for path, names in arguments.galaxies.items():
        galaxies = read_table(path)
        classes = recorded_config(path).get("classes") or [str(label) for label in sorted(galaxies["label"].unique())]
        rows += availability(
            training_pool(galaxies, ledger), [_footprint(design, name) for name in names], sets, classes
        )
    problems = [one.sentence for one in rows if not one.fits]
    if report.problems and not design["allow_unanswerable"]:
        problems.append(refusal(design["name"], report.problems))
    if problems:
        raise InputError("; ".join(problems))
    for sentence in [*report.problems, *report.notes]:
        logging.warning("%s", sentence)
    galaxies_of_sets = [dataclasses.asdict(one) for one in rows]
    record = provenance(design, {}, [*arguments.galaxies, arguments.ledger])
    write_json(arguments.output, {**dataclasses.asdict(report), "galaxies": galaxies_of_sets, "provenance": record})
    logging.info("%d primary tests, %d footprints or families", len(report.tests), len({one.name for one in rows}))


def _footprint(design: dict, name: str) -> dict:
    """A footprint as training sets are drawn from it."""
    entry = design["footprints"][name]
    family = entry["family"] and {**entry["family"], "regions": design["families"][entry["family"]["name"]]}
    return {"name": name, "region": region_in_design(design, name), "matching": entry["matching"], "family": family}


if __name__ == "__main__":
    run_step(main, parser)
