"""Put finished experiments and audits into files to deposit: code, configuration, results, and an RO-Crate of them.

The results are those of the configuration and code here, or no file is made. docs/archive.md says what one holds.
"""

import argparse
import re
import shlex

from workflow_scripts.crates.experiment_archive import TARGETS, write_archive
from workflow_scripts.crates.experiment_files import AUDIT, EXPERIMENT
from workflow_scripts.errors import InputError
from workflow_scripts.planning.dry_run import add_snakemake_options, dry_run, snakemake_options
from workflow_scripts.step import run_step, step_parser

parser = step_parser(__doc__)
parser.add_argument("--experiments", nargs="*", metavar="NAME", help="default: the active ones, if no audit is named")
parser.add_argument("--audits", nargs="*", metavar="NAME", help="default: the active ones, if no experiment is named")
parser.add_argument(
    "--author",
    action="append",
    default=[],
    metavar="'FAMILY, GIVEN ORCID'",
    help="who made the experiment, with or without an ORCID; may be repeated",
)
add_snakemake_options(parser)
_AUTHOR = re.compile(r"([^,]+), ([^,]+?)(?: (\d{4}-\d{4}-\d{4}-\d{3}[\dX]))?")


def main(arguments: argparse.Namespace) -> None:
    """Write the archives, and print where they are."""
    asked = {EXPERIMENT: arguments.experiments, AUDIT: arguments.audits}
    named = [(kind, name) for kind, names in asked.items() for name in names or ()]
    for kind, name in named:
        # Names become parts of paths.
        if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
            raise InputError(f"{name!r} is no name of an {kind}, expected a letter, then letters, digits and _")
    authors = [named_author(text) for text in arguments.author]
    options = snakemake_options(arguments)
    targets = [target.format(name) for kind, name in named for target in TARGETS[kind]]
    run = dry_run([*targets, "--cores", "1", *options])
    if not named:
        active = {EXPERIMENT: run.settings.active_experiments, AUDIT: run.settings.active_audits}
        named = [(kind, name) for kind, names in active.items() for name in names]
    for kind, name in named:
        command = shlex.join(["skybias", "run", *(target.format(name) for target in TARGETS[kind]), *options])
        print(write_archive(run, kind, name, command, authors=authors))


def named_author(text: str) -> dict[str, str]:
    """An author, `Family, Given` and perhaps an ORCID, with the keys of CITATION.cff; `InputError` for other texts."""
    found = _AUTHOR.fullmatch(text.strip())
    if not found:
        raise InputError(
            f"--author: {text!r} is no author, expected 'Family, Given' or 'Family, Given 0000-0000-0000-0000'"
        )
    family, given, orcid = found.groups()
    named = {"family-names": family, "given-names": given}
    return named | ({"orcid": f"https://orcid.org/{orcid}"} if orcid else {})


if __name__ == "__main__":
    run_step(main, parser)
