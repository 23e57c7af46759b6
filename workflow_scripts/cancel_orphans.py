"""Find and cancel the jobs that a killed Snakemake left in SLURM's queue: nothing may write beside the next run."""

import argparse

from workflow_scripts.cluster.slurm import cancel, jobs_of_folder, snakemakes_in
from workflow_scripts.errors import InputError
from workflow_scripts.step import run_step, step_parser

parser = step_parser(
    __doc__,
    epilog="Run it on the machine where Snakemake was killed; then `snakemake --unlock`, and the run again.",
)
parser.add_argument("--directory", default=".", metavar="DIR", help="where results/ is; default: here")
parser.add_argument("--dry-run", action="store_true", help="list the jobs and leave them")


def main(arguments: argparse.Namespace) -> None:
    """Cancel this folder's jobs and wait until they are gone."""
    jobs = jobs_of_folder(arguments.directory)
    for job in jobs:
        print(f"{job.number}  {job.state:10}  {job.what}")
    if arguments.dry_run:
        print(f"{len(jobs)} jobs of this folder are in the queue")
        return
    if running := snakemakes_in(arguments.directory):
        raise InputError(
            f"{arguments.directory}: Snakemake runs here (process {running[0]}), so its jobs are no orphans;"
            " expected none: end it with Ctrl-C, which cancels them as well"
        )
    cancel(jobs)
    print(f"{len(jobs)} jobs of this folder cancelled" if jobs else "no job of this folder is in the queue")


if __name__ == "__main__":
    run_step(main, parser)
