"""Audit a catalog of labelled galaxies: do its labels depend on the position on the sky, and how sure can one be?"""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from workflow_scripts.audits.audit_findings import AuditSettings
from workflow_scripts.audits.audit_options import add_audit_options, audited_sources, check_audit_options
from workflow_scripts.audits.binning import Covariates, catalog_maps
from workflow_scripts.audits.suite import Audit, audit
from workflow_scripts.corrections.shown_maps import read_correction
from workflow_scripts.errors import InputError
from workflow_scripts.figures.audit_figures import audit_figures
from workflow_scripts.figures.figure_list import AUDIT_FIGURES
from workflow_scripts.figures.style import LOOK, reason_for_nothing, save, stated
from workflow_scripts.pages.audit_page import audit_page
from workflow_scripts.pages.correction_part import CorrectionPart, correction_part
from workflow_scripts.pages.filled_templates import PageFigure
from workflow_scripts.provenance import provenance, sha256
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.result import plain
from workflow_scripts.statistics.sky.constrained_components import FIELD
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import write_json
from workflow_scripts.whole_file import check_output_folder, whole_file

_PAGE = "audit.html"
# Where results go, how figures look, and what is among the inputs: no part of the configuration of a summary.
_NO_OPTIONS = ("output", "titles_in_pdf", "correction", "debug", "log_level")

parser = step_parser(__doc__)
add_audit_options(parser)
parser.add_argument("--correction", type=Path, metavar="DIR", help="what correct_audit made of the same table")
parser.add_argument(
    "--no-titles-in-pdf",
    dest="titles_in_pdf",
    action="store_false",
    help="the PDF of figures without titles, which state the findings, for a paper that has these in the captions",
)


def main(arguments: argparse.Namespace) -> None:
    """Write summary.json, audit.html, fractions.csv, sky_maps.npz and the figures."""
    check_audit_options(arguments)
    check_output_folder(arguments.output)
    source, compared = audited_sources(arguments)
    settings = AuditSettings(
        arguments.permutations,
        arguments.seed,
        arguments.alpha,
        arguments.power,
        expected=arguments.expected,
        effect=arguments.effect,
    )
    name = arguments.name or Path(arguments.catalog).name.split(".")[0]
    corrected, maps = None, dict[str, Any]()
    if arguments.correction:
        corrected, maps = read_correction(arguments.correction)
        check_same_table(corrected, arguments.catalog, arguments.correction)
    found = audit(name, source, settings, corrected)
    if compared is not None:
        found.summary["catalog"]["compared"] = compared
    options = {key: value for key, value in vars(arguments).items() if key not in _NO_OPTIONS}
    files = [arguments.catalog, *([arguments.compare] if arguments.compare else [])]
    files += [arguments.correction / "correction.json"] if arguments.correction else []
    record = provenance(options, {"permutations": arguments.seed}, files)
    summary = plain(
        {
            **found.summary,
            "inputs": record["inputs"],
            "versions": record["versions"],
            "provenance": {"config": record["config"], "seeds": record["seeds"], "git": record["git"]},
        }
    )
    part = None
    if corrected:
        positive, page = summary["catalog"]["positive"], arguments.output / _PAGE
        part = correction_part(corrected, maps, arguments.correction, page, positive)
    write(found, summary, arguments.output, {**LOOK, "titles_in_pdf": arguments.titles_in_pdf}, part)
    logging.info("%s", summary["headline"])
    logging.info("%s", summary["verdict"])
    logging.info("written: %s", arguments.output / _PAGE)


def check_same_table(correction: Mapping[str, Any], catalog: str, folder: Path) -> None:
    """Raise `InputError` where a correction is not that of the audited catalog."""
    if sha256(catalog) not in correction["inputs"].values():
        raise InputError(
            f"{folder / 'correction.json'}: is not a correction of {catalog} as it is now; expected what correct_audit"
            " makes of it"
        )


def write(
    found: Audit,
    summary: Mapping[str, Any],
    folder: Path,
    look: Mapping[str, Any],
    corrected: CorrectionPart | None = None,
) -> None:
    """Write everything, the figures with the settings `look`; the page and the summary last, when all else is there."""
    logging.info("drawing maps and figures ...")
    maps = catalog_maps(found.catalog, summary["sky_kind"] == FIELD)
    drawn = audit_figures(summary, found.fractions, maps, _covariates(found.catalog.covariates))
    figures = []
    # It is there for a catalog that leaves nothing to draw, too.
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, caption in AUDIT_FIGURES.items():
        if name not in drawn:
            continue
        if reason := reason_for_nothing(drawn[name]):
            figures.append(PageFigure(name, caption, reason=reason))
            continue
        finding, file = stated(drawn[name]), folder / "figures" / f"{name}.png"
        save(drawn[name], folder / "figures", name, look)
        figures.append(PageFigure(name, caption, file.read_bytes(), finding=finding))
    with whole_file(folder / "fractions.csv") as temporary:
        found.fractions.to_csv(temporary, index=False, float_format="%.9g")
    with whole_file(folder / "sky_maps.npz") as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **maps)
    with whole_file(folder / _PAGE) as temporary:
        temporary.write_text(audit_page(summary, found.fractions, figures, maps, corrected), encoding="utf-8")
    write_json(folder / "summary.json", summary, sort_keys=False)
    plt.close("all")


def _covariates(covariates: Covariates | None) -> pd.DataFrame | None:
    """Galaxies with all covariates as a table with their positions."""
    if covariates is None:
        return None
    ra, dec = right_ascension_declination(covariates.vectors)
    columns = dict(zip(covariates.names, covariates.templates.T, strict=True))
    return pd.DataFrame({**columns, "ra": ra, "dec": dec})


if __name__ == "__main__":
    run_step(main, parser)
