"""Preview: what Snakemake would do, why, and what it would cost, on one page."""

import argparse
import json
import sys

from workflow_scripts.planning.costs import CostModel, read_records
from workflow_scripts.planning.dry_run import add_snakemake_options, dry_run, snakemake_options
from workflow_scripts.planning.estimate import estimated_plan
from workflow_scripts.planning.plan_page import console_for, print_page
from workflow_scripts.planning.planned_designs import planned_designs
from workflow_scripts.step import run_step, step_parser

parser = step_parser(
    __doc__,
    epilog="Options after -- are Snakemake's: targets, --forcerun RULE, --until RULE, ...",
)
add_snakemake_options(parser)
parser.add_argument("--cores", default="all", metavar="N", help="cores of this machine, default: %(default)s")
parser.add_argument("--jobs", metavar="N", help="jobs at once, for a profile of a cluster")
parser.add_argument("--profile", metavar="DIR", help="a profile of Snakemake, for example profiles/slurm")
parser.add_argument("--json", action="store_true", help="print the plan as JSON")
parser.add_argument("snakemake", nargs="*", metavar="-- ARGUMENT", help="further arguments of snakemake")


def main(arguments: argparse.Namespace) -> None:
    """Print the plan."""
    run = dry_run([*arguments.snakemake, *snakemake_options(arguments)])
    plan = estimated_plan(run, CostModel(read_records(run.directory, run.outputs)))
    plan["designs"] = planned_designs(run, plan["groups"])
    if arguments.json:
        print(json.dumps(plan, indent=1, sort_keys=True))
    else:
        print_page(plan, console_for(sys.stdout))


if __name__ == "__main__":
    run_step(main, parser)
