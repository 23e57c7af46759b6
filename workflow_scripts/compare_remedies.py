"""Compare the remedies of an experiment: what each leaves, what it keeps of a true dipole, and its price."""

import argparse
import json
import logging
from pathlib import Path

from workflow_scripts.bias.remedy_comparison import compared_remedies, remedy_table
from workflow_scripts.errors import InputError
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json
from workflow_scripts.whole_file import whole_file

parser = step_parser(__doc__)
parser.add_argument("--scores", type=Path, nargs="+", required=True, help="the scores (JSON) of the remedies")
parser.add_argument("--prices", type=json_argument, required=True, help="core seconds by remedy, and of untreated")
parser.add_argument("--experiment", type=json_argument, required=True, help="the experiment, as JSON")
parser.add_argument("--output", required=True, help="the comparison (JSON)")
parser.add_argument("--table", type=Path, required=True, help="the same as a table (CSV)")


def main(arguments: argparse.Namespace) -> None:
    """Write the comparison and its table."""
    experiment = arguments.experiment
    scores = []
    for path in arguments.scores:
        score = json.loads(path.read_text(encoding="utf-8"))
        if score.get("experiment") != experiment["name"]:
            raise InputError(f"{path}: is of experiment {score.get('experiment')}, expected {experiment['name']}")
        scores.append(score)
    comparison = compared_remedies(scores, arguments.prices, experiment["tests"]["effect"])
    record = provenance({**experiment, "prices": arguments.prices}, {}, list(map(str, arguments.scores)))
    comparison = {"experiment": experiment["name"], **comparison, "provenance": record}
    write_json(arguments.output, comparison, sort_keys=False)
    with whole_file(arguments.table) as temporary:
        remedy_table(comparison).to_csv(temporary, index=False, float_format="%.9g")
    logging.info("%d remedies", len(scores))


if __name__ == "__main__":
    run_step(main, parser)
