"""The page of an experiment: the answers, the figure and the sky that show them, and every number behind them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.answers.answer import YES
from workflow_scripts.answers.corrected_dipole import CORRECTED_DIPOLE
from workflow_scripts.answers.wording import with_points
from workflow_scripts.bias.quantities import components
from workflow_scripts.figures.style import LOOK
from workflow_scripts.pages.answer_cards import answer_cards, beside_effects
from workflow_scripts.pages.citation import document, how_to_cite
from workflow_scripts.pages.correction_part import CorrectionPart
from workflow_scripts.pages.filled_templates import (
    PageFigure,
    git_of,
    made_by,
    render,
    sections_with,
    shown_figures,
    within_page,
)
from workflow_scripts.pages.imaging_rows import (
    coefficient_headings,
    imaging_findings,
    mediated_rows,
    name_in_words,
    rotated_properties,
    template_in_words,
)
from workflow_scripts.pages.number_formats import interval, number, p_value, share, vector_with_error, with_error
from workflow_scripts.pages.run_comparisons import (
    arm_rows,
    error_rows,
    naive_reading,
    paper_style_arms,
    paper_style_pairs,
)
from workflow_scripts.pages.sky_panels import OnSky, footprints_of, sky_panels
from workflow_scripts.pages.summary_rows import TEST_HEADING, rows_of_tests
from workflow_scripts.pages.trust_rows import matched_imaging, trust_rows
from workflow_scripts.sky.unit_vectors import right_ascension_declination
from workflow_scripts.statistics.sky.dipole_amplitude import axis_border, axis_region, cap_radius

# Of a true dipole, so much must be left beside the templates for a regression on them to be proposed.
_LEAST_RETAINED = 0.5
# Tests of these names say why there is an effect, and what to do about it.
_CAUSES = ("share", "place_of_", "remedy_", "cheapest_remedy", CORRECTED_DIPOLE)


@dataclass(frozen=True)
class Drawn:
    """What a page shows beside numbers: figures in their order, those on causes, sky maps, and footprints on the sky.

    `maps` are those of `sky_maps.npz`, `footprints` boolean HEALPix maps by name, `corrected` what there is of a
    correction, `look` the experiment's `figures`.
    """

    figures: Sequence[PageFigure] = ()
    of_causes: Sequence[PageFigure] = ()
    maps: Mapping[str, NDArray] = field(default_factory=dict)
    footprints: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    corrected: CorrectionPart | None = None
    look: Mapping[str, Any] = field(default_factory=lambda: LOOK)


def experiment_page(
    summary: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    drawn: Drawn | None = None,
    cutouts: Mapping[str, Any] | None = None,
    credits: Sequence[str] = (),
    put_in: str = "",
) -> str:
    """The page of a summary.

    `tables` are `runs`, `arms` and `contrasts`, as `measure_bias` made them; `cutouts` counts what came of the requests
    to the survey; `credits` are sentences on whom to credit for the data; `put_in` says what was put into a simulated
    sky.
    """
    drawn, runs, config = drawn or Drawn(), tables["runs"], summary["provenance"]["config"]
    figures, said = shown_figures(drawn.figures), [*summary["warnings"]]
    on_causes = [one for one in summary["answers"] if one["test"].startswith(_CAUSES)]
    others = [one for one in summary["answers"] if one not in on_causes]
    maps, (of_imaging, not_of_imaging) = _maps(summary, drawn), imaging_findings(summary)
    return render(
        "experiment.html",
        summary=summary,
        put_in=put_in,
        warnings=summary["warnings"],
        sections=sections_with(sky=maps),
        cards=answer_cards(others, said, beside_effects(summary, runs, tables["arms"])),
        causes=answer_cards(on_causes, said),
        cause_figures=drawn.of_causes,
        corrected=drawn.corrected,
        unasked=_unasked(summary, on_causes),
        maps=maps,
        naive=naive_reading(summary),
        trust=trust_rows(summary, tables, cutouts),
        made_by=made_by(summary),
        configuration=json.dumps(config, indent=1, sort_keys=True),
        files=_files(summary["experiment"]),
        within_page=within_page(summary),
        cite=how_to_cite(git_of(summary), True, _data(summary, credits)),
        documents=[document(name) for name in ("why", "remedies", "correction")],
        alpha=config["tests"]["alpha"],
        of_interest=with_points(config["tests"]["effect"]),
        one_class=config.get("one_class"),
        figures=figures,
        cutouts=cutouts,
        known=lambda name: name in runs and runs[name].notna().any(),
        known_vector=lambda name: any(one in runs and runs[one].notna().any() for one in components(name)),
        mean=lambda name: runs[name].mean(),
        arm_rows=partial(arm_rows, tables["arms"]),
        paper_style_arms=paper_style_arms(summary, tables),
        paper_style_pairs=paper_style_pairs(summary, tables["contrasts"], runs),
        response_rows=[_response(model) for model in summary["response_model"]],
        designs=_designs,
        coefficients=coefficient_headings(summary["templates"], tables["arms"]),
        rotated=rotated_properties(summary["templates"]),
        mediated=mediated_rows(summary),
        of_imaging=of_imaging,
        not_of_imaging=not_of_imaging,
        in_words=partial(template_in_words, templates=summary["templates"]),
        error_rows=error_rows(runs, config["opposite"]),
        mirrored=_mirrored(runs),
        balance=[_balance(entry) for entry in summary["training_balance"]],
        matched_imaging=matched_imaging(summary),
        test_heading=TEST_HEADING,
        tests=rows_of_tests(summary),
        single_networks=[_single_networks(entry, summary["templates"]) for entry in summary["galaxy_level"]],
    )


def _maps(summary: Mapping[str, Any], drawn: Drawn) -> list:
    if "smooth:fraction" not in drawn.maps:
        return []
    config = summary["provenance"]["config"]
    pairs = [name for pair in config["opposite"] for name in pair]
    outlines = footprints_of(list(dict.fromkeys(pairs))[:2], drawn.footprints)
    over = OnSky(outlines, look=drawn.look, **_common_axis(summary))
    return sky_panels(drawn.maps, summary["sky_kind"], config["classes"][1], over)


def _common_axis(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The direction of the dipole that all networks share, where there is one, and its region, for `OnSky`."""
    found = any(one["test"].startswith("common_dipole") and one["answer"] == YES for one in summary["answers"])
    test = next((one for one in summary["tests"] if one["name"].startswith("common_dipole")), None)
    if not found or test is None or np.ndim(test["estimate"]) != 1 or len(test["estimate"]) != 3:
        return {}
    vector = np.asarray(test["estimate"], float)
    ra, dec = (float(one) for one in right_ascension_declination(vector))
    over: dict[str, Any] = {"axis": (ra, dec, "common dipole")}
    for model in summary["response_model"]:
        if model["d_0"] and model["network"] == test["network"]:
            covariance = np.diag(np.hypot(model["d_0_se"], model["d_0_galaxy_se"]) ** 2)
            over |= {
                "region": axis_border(vector, covariance),
                "radius": cap_radius(axis_region(vector, covariance).area_deg2),
            }
    return over


def _unasked(summary: Mapping[str, Any], on_causes: Sequence[Mapping[str, Any]]) -> dict[str, str] | None:
    """What an experiment that did not ask why would add to its file; None where it asked for all."""
    tests = " ".join(one["test"] for one in on_causes)
    lines = []
    config = summary["provenance"]["config"]
    # Annotations that exist have neither images nor networks.
    trained = config.get("survey") is not None
    if trained and "share" not in tests:
        lines.append("      counterfactual: [seeing, noise, background]  # which property of the images carries it")
    if trained and "place_of_" not in tests:
        lines.append("      probe: {}                                    # can networks tell where a galaxy lies?")
    keys = ["    why:", *lines] if lines else []
    # A regression takes a true dipole away where the templates have one themselves.
    imaging, labelled = summary["imaging"], config["tests"].get("labelled_at_random")
    regression = imaging is not None and imaging["retained_worst_share"] >= _LEAST_RETAINED
    why = "it would take a true dipole away on this sky" if summary["templates"] else "the catalog has no such columns"
    if trained and "remedy" not in tests:
        templates = ", templates" if regression else ""
        keys.append(f"    remedies: [ensemble{templates}, mixed_sky]  # what removes it, at what price")
    if CORRECTED_DIPOLE not in tests and (regression or labelled):
        keys.append("    correction: true  # a catalog without the bias, and the bias for mock catalogs")
    if not keys and trained:
        return None
    asked = (
        "More can be asked." if on_causes else "This experiment did not ask why there is an effect, or what removes it."
    )
    of_networks = (
        ""
        if trained
        else " What carries an effect, and what removes it, is measured on images and networks: experiments that train"
        " here can ask (the README's doors: my images, my classifier)."
    )
    return {
        "words": f"{asked}{of_networks}{' To ask, save as why.yaml:' if keys else ''}",
        "left_out": ""
        if regression
        else f"A regression on the imaging (templates, correction) is not proposed: {why}.",
        "to_add": "\n".join(["experiments:", f"  {summary['experiment']}:", *keys]) if keys else "",
    }


def _files(name: str) -> list[tuple[str, str]]:
    bias = f"../../bias/{name}"
    tables = ("runs", "fractions", "contrasts", "arms", "balance")
    return [
        (f"{bias}/summary.json", "summary.json: the answers first, then every test"),
        *((f"{bias}/{table}.csv", f"{table}.csv") for table in tables if table != "balance"),
        (f"{bias}/sky_maps.npz", "sky_maps.npz: the maps, nested HEALPix (ICRS)"),
        ("figures/", "figures/: all figures as PNG and PDF"),
    ]


def _data(summary: Mapping[str, Any], credits: Sequence[str]) -> list[str]:
    """Whom to credit for the data."""
    if summary["simulated"]:
        return ["The survey is simulated: there are no data to credit."]
    return [*credits] or ["Credits of your own images and tables are their authors': docs/surveys.md."]


def _response(model: Mapping[str, Any]) -> list[str]:
    shared = vector_with_error(model["d_0"], model["d_0_se"]) if model["d_0"] else "-"
    galaxies = number(max(model["d_0_galaxy_se"])) if model["d_0"] else "-"
    kappa = [with_error(model["kappa"], model["kappa_se"]), interval(model["kappa_ci95"])]
    name, footprints = f"{model['network']}, {model['family']}", number(model["footprints"])
    return [name, footprints, shared, galaxies, *kappa, number(model["residual_sd"])]


def _designs(entry: Mapping[str, Any]) -> list[list[str]]:
    return [
        [line["design"].replace("_", " "), *(number(line[name]) for name in ("samples", "seeds", "effect"))]
        for line in entry["detectable"]
    ]


def _mirrored(runs: pd.DataFrame) -> list[list[str]]:
    """What networks make of mirror images, by network; empty where no mirror swaps the classes."""
    if "mirror_asymmetry" not in runs:
        return []
    rows = []
    for name, group in runs.groupby("network", sort=False):
        asymmetry = group["mirror_asymmetry"]
        spread = [asymmetry.mean(), asymmetry.std(), asymmetry.min(), asymmetry.max()]
        averaged = "mean over both" if group["mirror_averaged"].all() else "one image"
        rows.append([str(name), number(len(group)), *map(number, spread), share(group["mirror_same_label"].mean())])
        rows[-1].append(averaged)
    return rows


def _balance(entry: Mapping[str, Any]) -> list[str]:
    """How well the training sets of two footprints are matched to each other."""
    numbers = [number(entry.get(name)) for name in ("largest_smd", "smallest_ks_p", "variance_ratios")]
    auc = with_error(entry.get("adversarial_auc"), entry.get("adversarial_null_sd"))
    words = [f"{entry['first']} and {entry['second']}", ", ".join(entry["covariates"]) or "class alone"]
    return [*words, *numbers, auc, number(entry.get("adversarial_p"))]


def _single_networks(entry: Mapping[str, Any], templates: Mapping[str, Any] | None) -> list[str]:
    words = [name_in_words(entry["name"], templates), entry["family"], entry["null"], number(entry["networks"])]
    return [*words, number(entry["median_estimate"]), p_value(entry["median_p"]), share(entry["share_below_alpha"])]
