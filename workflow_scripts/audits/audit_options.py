"""The command line of an audited catalog: its options, whether they can be used, and the catalog that they describe."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from workflow_scripts.audits.galaxy_pieces import matched_source
from workflow_scripts.audits.suite import HYGIENE
from workflow_scripts.audits.table_pieces import AuditColumns, TableSource
from workflow_scripts.audits.vocabulary import ranges_in, vocabularies
from workflow_scripts.catalogs.formats import FORMAT_NAMES, FORMATS_IN_WORDS, POSITION_FRAMES, POSITION_UNITS
from workflow_scripts.catalogs.hygiene import LARGEST_LOSS
from workflow_scripts.catalogs.readers import TableOptions
from workflow_scripts.errors import InputError


def add_audit_options(parser: argparse.ArgumentParser) -> None:
    """Add what an audit reads and how it tests."""
    parser.add_argument("catalog", help=f"the table ({FORMATS_IN_WORDS}; of Parquet also a folder or a pattern)")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder for summary, page and figures"
    )
    parser.add_argument("--name", help="name of the audit (default: the catalog's file name)")
    columns = parser.add_argument_group("columns", "guessed from common names and UCDs where they are not given")
    several: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    columns.add_argument("--label", metavar="COL", help="class of a galaxy; two or more: compared", **several)
    columns.add_argument("--covariates", metavar="COL", help="seeing, depth, ...: templates", **several)
    columns.add_argument("--reference", metavar="COL", help="labels taken for true")
    columns.add_argument(
        "--score",
        metavar="COL",
        help="probability of the positive class, or fraction of votes: its dipole, or its test against a reference",
    )
    columns.add_argument(
        "--threshold", type=float, default=0.5, help="without --label, scores from this on are positive (%(default)s)"
    )
    columns.add_argument("--source-id", metavar="COL", help="ids; rows that repeat one are dropped")
    columns.add_argument(
        "--weight", metavar="COL", help="what a galaxy counts for: completeness, 1/probability of selection, votes"
    )
    columns.add_argument("--group-by", metavar="COL", help="where galaxies come from: labeller, camera, merged catalog")
    values = parser.add_argument_group("values of labels, each VALUE, COL=VALUE or a range of numbers ('>= 0.5')")
    several |= {"metavar": "VALUE"}
    values.add_argument("--positive", help="classes that are counted", **several)
    values.add_argument("--negative", help="classes that they are compared with", **several)
    values.add_argument(
        "--rest", nargs="*", action="extend", metavar="COL", help="all other values are negative (of these columns)"
    )
    values.add_argument("--reference-positive", metavar="VALUE", help="of --reference; default: as --positive")
    other = parser.add_argument_group("a second catalog of the same sky")
    other.add_argument("--compare", metavar="FILE", help="the other catalog; its columns are called as in the first")
    other.add_argument("--compare-label", metavar="COL", help="its class")
    other.add_argument("--compare-positive", help="its classes that are counted", **several)
    other.add_argument("--compare-negative", help="those they are compared with", **several)
    other.add_argument("--compare-rest", action="store_true", help="all its other values are negative")
    other.add_argument("--match-radius", type=float, default=2.0, metavar="ARCSEC", help="default: %(default)s")
    for group, prefix in ((parser.add_argument_group("the table"), ""), (other, "compare-")):
        group.add_argument(
            f"--{prefix}missing",
            help="texts or numbers that mean 'not known' (--missing=-99 --missing=--)",
            **several,
        )
        group.add_argument(f"--{prefix}ra", metavar="COL", help="right ascension, or galactic longitude")
        group.add_argument(f"--{prefix}dec", metavar="COL", help="declination, or galactic latitude")
        group.add_argument(f"--{prefix}format", choices=FORMAT_NAMES, help="default: by content, then by name")
        group.add_argument(
            f"--{prefix}hdu", f"--{prefix}table", metavar="NAME", help="name or number of the table in the file"
        )
        group.add_argument(
            f"--{prefix}position-unit",
            choices=POSITION_UNITS,
            help="of positions, in place of what the table states; hours: declinations are in degrees",
        )
        group.add_argument(
            f"--{prefix}frame", choices=POSITION_FRAMES, help="of positions; default: as the table states"
        )
        group.add_argument(
            f"--{prefix}select", metavar="EXPRESSION", help="rows to be used: 'redshift < 0.1 and petroMag_r < 17.8'"
        )
    tests = parser.add_argument_group("tests")
    tests.add_argument("--alpha", type=float, default=0.01, help="level of the answers (default: %(default)s)")
    tests.add_argument(
        "--effect",
        type=float,
        metavar="SIZE",
        help="a 'no' has to exclude effects of this size (default: half of min(f, 1 - f), f being the fraction)",
    )
    tests.add_argument("--power", type=float, default=0.8, help="for the smallest dipole given (default: %(default)s)")
    tests.add_argument(
        "--expected",
        type=float,
        metavar="FRACTION",
        help="expected fraction of the positive class, such as 0.5: tested, too",
    )
    tests.add_argument("--permutations", type=int, default=4999, help="default: %(default)s")
    tests.add_argument("--seed", type=int, default=0, help="of the permutations (default: %(default)s)")
    tests.add_argument(
        "--repeat-radius", type=float, default=2.0, metavar="ARCSEC", help="rows closer are one galaxy; 0: never"
    )
    tests.add_argument(
        "--largest-loss",
        type=float,
        default=LARGEST_LOSS,
        metavar="SHARE",
        help="share of the rows that may be unusable (default: %(default)s)",
    )


def check_audit_options(arguments: argparse.Namespace) -> None:
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


def audited_sources(arguments: argparse.Namespace) -> tuple[TableSource, dict[str, Any] | None]:
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
