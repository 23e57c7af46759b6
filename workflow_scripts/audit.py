"""Audit a catalog of labelled galaxies: do its labels depend on the position on the sky, and how sure can one be?"""

import argparse
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from workflow_scripts.audits.audit_findings import AuditSettings
from workflow_scripts.audits.binning import catalog_maps
from workflow_scripts.audits.galaxy_pieces import matched_source
from workflow_scripts.audits.suite import HYGIENE, Audit, audit
from workflow_scripts.audits.table_pieces import AuditColumns, TableSource
from workflow_scripts.audits.vocabulary import ranges_in, vocabularies
from workflow_scripts.catalogs.formats import FORMAT_NAMES, FORMATS_IN_WORDS, POSITION_FRAMES, POSITION_UNITS
from workflow_scripts.catalogs.hygiene import LARGEST_LOSS
from workflow_scripts.catalogs.readers import TableOptions
from workflow_scripts.errors import InputError
from workflow_scripts.figures.audit_figures import LOOK, audit_figures
from workflow_scripts.figures.figure_list import AUDIT_FIGURES
from workflow_scripts.figures.style import reason_for_nothing, save
from workflow_scripts.pages.audit_page import audit_page
from workflow_scripts.pages.filled_templates import PageFigure
from workflow_scripts.provenance import provenance
from workflow_scripts.statistics.result import plain
from workflow_scripts.statistics.sky.constrained_components import FIELD
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import write_json
from workflow_scripts.whole_file import check_output_folder, whole_file

parser = step_parser(__doc__)
parser.add_argument("catalog", help=f"the table ({FORMATS_IN_WORDS}; of Parquet also a folder or a pattern)")
parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for summary, page and figures")
parser.add_argument("--name", help="name of the audit (default: the catalog's file name)")
_columns = parser.add_argument_group("columns", "guessed from common names and UCDs where they are not given")
_several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
_columns.add_argument("--label", metavar="COL", help="class of a galaxy; two or more: compared", **_several)
_columns.add_argument("--covariates", metavar="COL", help="seeing, depth, ...: templates", **_several)
_columns.add_argument("--reference", metavar="COL", help="labels taken for true")
_columns.add_argument(
    "--score",
    metavar="COL",
    help="probability of the positive class, or fraction of votes: its dipole, or its test against a reference",
)
_columns.add_argument(
    "--threshold", type=float, default=0.5, help="without --label, scores from this on are positive (%(default)s)"
)
_columns.add_argument("--source-id", metavar="COL", help="ids; rows that repeat one are dropped")
_columns.add_argument(
    "--weight", metavar="COL", help="what a galaxy counts for: completeness, 1/probability of selection, votes"
)
_columns.add_argument("--group-by", metavar="COL", help="where galaxies come from: labeller, camera, merged catalog")
_values = parser.add_argument_group("values of labels, each VALUE, COL=VALUE or a range of numbers ('>= 0.5')")
_several |= {"metavar": "VALUE"}
_values.add_argument("--positive", help="classes that are counted", **_several)
_values.add_argument("--negative", help="classes that they are compared with", **_several)
_values.add_argument(
    "--rest", nargs="*", action="extend", metavar="COL", help="all other values are negative (of these columns)"
)
_values.add_argument("--reference-positive", metavar="VALUE", help="of --reference; default: as --positive")
_other = parser.add_argument_group("a second catalog of the same sky")
_other.add_argument("--compare", metavar="FILE", help="the other catalog; its columns are called as in the first")
_other.add_argument("--compare-label", metavar="COL", help="its class")
_other.add_argument("--compare-positive", help="its classes that are counted", **_several)
_other.add_argument("--compare-negative", help="those they are compared with", **_several)
_other.add_argument("--compare-rest", action="store_true", help="all its other values are negative")
_other.add_argument("--match-radius", type=float, default=2.0, metavar="ARCSEC", help="default: %(default)s")
for _group, _prefix in ((parser.add_argument_group("the table"), ""), (_other, "compare-")):
    _group.add_argument(
        f"--{_prefix}missing", help="texts or numbers that mean 'not known' (--missing=-99 --missing=--)", **_several
    )
    _group.add_argument(f"--{_prefix}ra", metavar="COL", help="right ascension, or galactic longitude")
    _group.add_argument(f"--{_prefix}dec", metavar="COL", help="declination, or galactic latitude")
    _group.add_argument(f"--{_prefix}format", choices=FORMAT_NAMES, help="default: by content, then by name")
    _group.add_argument(
        f"--{_prefix}hdu", f"--{_prefix}table", metavar="NAME", help="name or number of the table in the file"
    )
    _group.add_argument(
        f"--{_prefix}position-unit",
        choices=POSITION_UNITS,
        help="of positions, in place of what the table states; hours: declinations are in degrees",
    )
    _group.add_argument(f"--{_prefix}frame", choices=POSITION_FRAMES, help="of positions; default: as the table states")
    _group.add_argument(
        f"--{_prefix}select", metavar="EXPRESSION", help="rows to be used: 'redshift < 0.1 and petroMag_r < 17.8'"
    )
_tests = parser.add_argument_group("tests")
_tests.add_argument("--alpha", type=float, default=0.01, help="level of the answers (default: %(default)s)")
_tests.add_argument(
    "--effect",
    type=float,
    metavar="SIZE",
    help="a 'no' has to exclude effects of this size (default: half of min(f, 1 - f), f being the fraction)",
)
_tests.add_argument("--power", type=float, default=0.8, help="for the smallest dipole given (default: %(default)s)")
_tests.add_argument(
    "--expected",
    type=float,
    metavar="FRACTION",
    help="expected fraction of the positive class, such as 0.5: tested, too",
)
_tests.add_argument("--permutations", type=int, default=4999, help="default: %(default)s")
_tests.add_argument("--seed", type=int, default=0, help="of the permutations (default: %(default)s)")
_tests.add_argument(
    "--repeat-radius", type=float, default=2.0, metavar="ARCSEC", help="rows closer are one galaxy; 0: never"
)
_tests.add_argument(
    "--largest-loss",
    type=float,
    default=LARGEST_LOSS,
    metavar="SHARE",
    help="share of the rows that may be unusable (default: %(default)s)",
)


def main(arguments: argparse.Namespace) -> None:
    """Write summary.json, audit.html, fractions.csv, sky_maps.npz and the figures."""
    check_settings(arguments)
    check_output_folder(arguments.output)
    source, compared = sources(arguments)
    settings = AuditSettings(
        arguments.permutations,
        arguments.seed,
        arguments.alpha,
        arguments.power,
        expected=arguments.expected,
        effect=arguments.effect,
    )
    name = arguments.name or Path(arguments.catalog).name.split(".")[0]
    found = audit(name, source, settings)
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
    logging.info("%s", summary["headline"])
    logging.info("%s", summary["verdict"])
    logging.info("written: %s", arguments.output / "audit.html")


def check_settings(arguments: argparse.Namespace) -> None:
    """Raise `InputError` for numbers that no test could use, or options that need another one."""
    for option, allowed, expected in (
        ("permutations", arguments.permutations >= 99, "99 or more"),
        ("seed", arguments.seed >= 0, "0 or more"),
        ("alpha", 0 < arguments.alpha < 1, "between 0 and 1"),
        ("power", arguments.alpha < arguments.power < 1, "between alpha and 1"),
        ("match-radius", 0 < arguments.match_radius <= 3600, "above 0, at most 3600 arcsec"),
        ("largest-loss", 0 <= arguments.largest_loss <= 1, "0 to 1"),
        ("threshold", 0 < arguments.threshold < 1, "between 0 and 1"),
        ("expected", arguments.expected is None or 0 < arguments.expected < 1, "between 0 and 1"),
        ("effect", arguments.effect is None or 0 < arguments.effect < 1, "between 0 and 1"),
        ("repeat-radius", 0 <= arguments.repeat_radius <= 3600, "0 to 3600 arcsec"),
    ):
        if not allowed:
            raise InputError(f"--{option} is {getattr(arguments, option.replace('-', '_'))}, expected {expected}")
    if arguments.score and not arguments.label:
        for option in ("positive", "negative", "rest"):
            if getattr(arguments, option) not in ([], None):
                raise InputError(f"--{option} needs --label; of scores alone, --threshold says which are positive")
    if not arguments.compare:
        for option, value in vars(arguments).items():
            if option.startswith("compare_") and value:
                raise InputError(f"--{option.replace('_', '-')} needs --compare, expected the other catalog")
    for option in ("rest", "negative"):
        if getattr(arguments, option) and not arguments.positive:
            raise InputError(f"--{option} needs --positive, expected the class that is counted")
    if arguments.reference_positive and not arguments.reference:
        raise InputError("--reference-positive needs --reference, expected the column of these labels")
    if arguments.compare and len(arguments.label) > 1:
        raise InputError(f"--label names {len(arguments.label)} columns, expected one with --compare")


def sources(arguments: argparse.Namespace) -> tuple[TableSource, dict[str, Any] | None]:
    """The catalog as the tests see it, and how two catalogs matched where there are two."""
    hygiene = {**HYGIENE, "radius_arcsec": arguments.repeat_radius, "largest_loss": arguments.largest_loss}
    labels, positive, negative = arguments.label, arguments.positive, arguments.negative
    if arguments.score and not labels:
        # Scores alone are labels, too, at a threshold.
        limit = f"{arguments.threshold:g}"
        labels, positive, negative = [arguments.score], [f">= {limit}"], [f"< {limit}"]
    others = [arguments.reference] if arguments.reference else []
    known = vocabularies(positive, negative, arguments.rest, labels, others)
    if arguments.reference_positive:
        known[arguments.reference] = replace(
            known[arguments.reference], positive=(arguments.reference_positive,), option="--reference-positive"
        )
    columns = AuditColumns(
        labels=tuple(labels),
        ra=arguments.ra,
        dec=arguments.dec,
        covariates=tuple(arguments.covariates),
        reference=arguments.reference,
        score=arguments.score,
        source_id=arguments.source_id,
        weight=arguments.weight,
        group=arguments.group_by,
        threshold=arguments.threshold if arguments.score and not arguments.label else None,
        ranges=ranges_in(known),
    )
    source = TableSource.of(arguments.catalog, columns, hygiene, _options(arguments, ""), "", known)
    if not arguments.compare:
        return source, None
    labels = [arguments.compare_label] if arguments.compare_label else []
    rest: list[str] | None = [] if arguments.compare_rest else None
    known = vocabularies(arguments.compare_positive, arguments.compare_negative, rest, labels, prefix="compare-")
    columns = AuditColumns(
        labels=tuple(labels),
        ra=arguments.compare_ra,
        dec=arguments.compare_dec,
        ranges=ranges_in(known),
        like=source.columns,
    )
    prefix = "compare-"
    second = TableSource.of(arguments.compare, columns, hygiene, _options(arguments, prefix), prefix, known)
    return matched_source(source, second, arguments.match_radius)


def _options(arguments: argparse.Namespace, prefix: str) -> TableOptions:
    """How a table is to be read; `prefix` is that of the options of a second catalog."""
    given = {
        name: getattr(arguments, f"{prefix}{name}".replace("-", "_"))
        for name in ("format", "hdu", "position_unit", "frame", "select", "missing")
    }
    sentinels = tuple(HYGIENE["sentinels"])
    return TableOptions(given.pop("format"), **given | {"missing": tuple(given["missing"]), "sentinels": sentinels})


def write(found: Audit, summary: Mapping[str, Any], folder: Path) -> None:
    """Write everything; the page and the summary last, when all else is there."""
    maps = catalog_maps(found.catalog, summary["sky_kind"] == FIELD)
    drawn = audit_figures(summary, found.fractions, maps)
    figures = []
    # It is there for a catalog that leaves nothing to draw, too.
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, caption in AUDIT_FIGURES.items():
        if name not in drawn:
            continue
        if reason := reason_for_nothing(drawn[name]):
            figures.append(PageFigure(name, caption, reason=reason))
            continue
        save(drawn[name], folder / "figures", name, LOOK)
        figures.append(PageFigure(name, caption, (folder / "figures" / f"{name}.png").read_bytes()))
    with whole_file(folder / "fractions.csv") as temporary:
        found.fractions.to_csv(temporary, index=False, float_format="%.9g")
    with whole_file(folder / "sky_maps.npz") as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **maps)
    with whole_file(folder / "audit.html") as temporary:
        temporary.write_text(audit_page(summary, found.fractions, figures), encoding="utf-8")
    write_json(folder / "summary.json", summary, sort_keys=False)
    plt.close("all")


if __name__ == "__main__":
    run_step(main, parser)
