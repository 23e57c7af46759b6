"""Audit a catalog of labelled galaxies: do its labels depend on the position on the sky, and how sure can one be?"""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from workflow_scripts.audits.audit_findings import AuditSettings
from workflow_scripts.audits.audit_page import audit_page
from workflow_scripts.audits.catalog_sums import audit_maps
from workflow_scripts.audits.galaxy_pieces import matched_source
from workflow_scripts.audits.suite import HYGIENE, Audit, audit
from workflow_scripts.audits.table_columns import choose_columns, read_header
from workflow_scripts.audits.table_pieces import TableSource
from workflow_scripts.catalogs.formats import FORMAT_NAMES, FORMATS_IN_WORDS
from workflow_scripts.errors import InputError
from workflow_scripts.figures.audit_figures import LOOK, audit_figures
from workflow_scripts.figures.style import save
from workflow_scripts.provenance import provenance
from workflow_scripts.statistics.result import plain
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import write_json
from workflow_scripts.whole_file import check_output_folder, whole_file

parser = step_parser(__doc__)
parser.add_argument("catalog", help=f"the table ({FORMATS_IN_WORDS})")
parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for summary, page and figures")
parser.add_argument("--name", help="name of the audit (default: the catalog's file name)")
parser.add_argument("--format", choices=FORMAT_NAMES, help="default: by the name")
_columns = parser.add_argument_group("columns", "guessed from common names and UCDs where they are not given")
_columns.add_argument("--ra", metavar="COL", help="right ascension, ICRS degrees unless the table has a unit")
_columns.add_argument("--dec", metavar="COL", help="declination, likewise")
_columns.add_argument("--label", nargs="+", default=[], metavar="COL", help="class of a galaxy; two or more: compared")
_columns.add_argument("--positive", metavar="VALUE", help="class that is counted; needed where there are more than two")
_columns.add_argument("--covariates", nargs="+", default=[], metavar="COL", help="seeing, depth, ...: templates")
_columns.add_argument("--reference", metavar="COL", help="labels taken for true")
_columns.add_argument("--reference-positive", metavar="VALUE", help="default: as --positive")
_columns.add_argument(
    "--score", metavar="COL", help="probability of the positive class: its dipole, or its test against a reference"
)
_columns.add_argument("--source-id", metavar="COL", help="ids; rows that repeat one are dropped")
_other = parser.add_argument_group("a second catalog of the same sky")
_other.add_argument("--compare", metavar="FILE", help="the other catalog; its columns are called as in the first")
_other.add_argument("--compare-ra", metavar="COL", help="its right ascension")
_other.add_argument("--compare-dec", metavar="COL", help="its declination")
_other.add_argument("--compare-label", metavar="COL", help="its class")
_other.add_argument("--match-radius", type=float, default=2.0, metavar="ARCSEC", help="default: %(default)s")
_tests = parser.add_argument_group("tests")
_tests.add_argument("--alpha", type=float, default=0.01, help="level of the verdict (default: %(default)s)")
_tests.add_argument("--power", type=float, default=0.8, help="for the smallest dipole given (default: %(default)s)")
_tests.add_argument("--permutations", type=int, default=4999, help="default: %(default)s")
_tests.add_argument("--seed", type=int, default=0, help="of the permutations (default: %(default)s)")
_tests.add_argument(
    "--repeat-radius", type=float, default=2.0, metavar="ARCSEC", help="rows closer are one galaxy; 0: never"
)


def main(arguments: argparse.Namespace) -> None:
    """Write summary.json, audit.html, fractions.csv, sky_maps.npz and the figures."""
    check_settings(arguments)
    check_output_folder(arguments.output)
    source, compared = sources(arguments)
    settings = AuditSettings(arguments.permutations, arguments.seed, arguments.alpha, arguments.power)
    name = arguments.name or Path(arguments.catalog).name.split(".")[0]
    found = audit(name, source, arguments.positive, arguments.reference_positive, settings)
    if compared is not None:
        found.summary["catalog"]["compared"] = compared
    options = {key: value for key, value in vars(arguments).items() if key not in ("output", "debug", "log_level")}
    files = [arguments.catalog, *([arguments.compare] if arguments.compare else [])]
    record = provenance(options, {"permutations": arguments.seed}, files)
    summary = plain(
        {
            **found.summary,
            "inputs": record["inputs"],
            "versions": record["versions"],
            "provenance": {"config": record["config"], "seeds": record["seeds"], "git": record["git"]},
        }
    )
    write(found, summary, arguments.output)
    logging.info("%s", summary["verdict"])


def check_settings(arguments: argparse.Namespace) -> None:
    """Raise `InputError` for numbers that no test could use, or options that need another one."""
    for option, allowed, expected in (
        ("permutations", arguments.permutations >= 99, "99 or more"),
        ("seed", arguments.seed >= 0, "0 or more"),
        ("alpha", 0 < arguments.alpha < 1, "between 0 and 1"),
        ("power", arguments.alpha < arguments.power < 1, "between alpha and 1"),
        ("match-radius", 0 < arguments.match_radius <= 3600, "above 0, at most 3600 arcsec"),
        ("repeat-radius", 0 <= arguments.repeat_radius <= 3600, "0 to 3600 arcsec"),
    ):
        if not allowed:
            raise InputError(f"--{option} is {getattr(arguments, option.replace('-', '_'))}, expected {expected}")
    if arguments.compare and len(arguments.label) > 1:
        raise InputError(f"--label names {len(arguments.label)} columns, expected one with --compare")


def sources(arguments: argparse.Namespace) -> tuple[TableSource, dict[str, Any] | None]:
    """The catalog as the tests see it, and how two catalogs matched where there are two."""
    hygiene = {**HYGIENE, "radius_arcsec": arguments.repeat_radius}
    columns = choose_columns(
        read_header(arguments.catalog, arguments.format),
        arguments.catalog,
        arguments.ra,
        arguments.dec,
        arguments.label,
        arguments.covariates,
        arguments.reference,
        arguments.score,
        arguments.source_id,
    )
    source = TableSource.of(arguments.catalog, columns, hygiene, arguments.format)
    if not arguments.compare:
        return source, None
    header = read_header(arguments.compare)
    names = {column.name for column in header}
    wanted = {
        "ra": arguments.compare_ra or (columns.ra if columns.ra in names else None),
        "dec": arguments.compare_dec or (columns.dec if columns.dec in names else None),
        "label": arguments.compare_label or (columns.labels[0] if columns.labels[0] in names else None),
    }
    labels = [wanted["label"]] if wanted["label"] else []
    second = choose_columns(header, arguments.compare, wanted["ra"], wanted["dec"], labels)
    return matched_source(source, TableSource.of(arguments.compare, second, hygiene), arguments.match_radius)


def write(found: Audit, summary: Mapping[str, Any], folder: Path) -> None:
    """Write everything; the page and the summary last, when all else is there."""
    maps = audit_maps(found.catalog.sums)
    drawn = audit_figures(summary, found.fractions, maps)
    for name, figure in drawn.items():
        save(figure, folder / "figures", name, LOOK)
    with whole_file(folder / "fractions.csv") as temporary:
        found.fractions.to_csv(temporary, index=False, float_format="%.9g")
    with whole_file(folder / "sky_maps.npz") as temporary:
        np.savez(temporary, allow_pickle=False, **maps)
    pngs = {name: (folder / "figures" / f"{name}.png").read_bytes() for name in drawn}
    with whole_file(folder / "audit.html") as temporary:
        temporary.write_text(audit_page(summary, found.fractions, pngs), encoding="utf-8")
    write_json(folder / "summary.json", summary)
    plt.close("all")


if __name__ == "__main__":
    run_step(main, parser)
