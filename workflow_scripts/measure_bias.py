"""Measure the bias of one experiment: tables for every run, run-level tests, and a verdict."""

import argparse
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.answers.answer import answers_text
from workflow_scripts.answers.corrected_dipole import corrected_dipole_answer
from workflow_scripts.bias.annotations import Annotations, read_annotations
from workflow_scripts.bias.constrained_columns import measured_components, unmeasured
from workflow_scripts.bias.controls import WITHOUT_CONTROLS, Controls, measured_controls
from workflow_scripts.bias.declared_tests import PATTERN, PRIMARY_FAMILY
from workflow_scripts.bias.experiment_answers import (
    Context,
    answers_about_class,
    experiment_answers,
    experiment_headline,
)
from workflow_scripts.bias.imaging_templates import (
    Imaging,
    Templates,
    imaging_of,
    mean_training_templates,
    mediation_of_contrasts,
    read_templates,
    template_coefficients,
)
from workflow_scripts.bias.network_cautions import (
    cautions_of_mirrors,
    cautions_of_networks,
    cautions_of_trainings,
    mirror_columns,
    read_trainings,
)
from workflow_scripts.bias.pairs import pair_table
from workflow_scripts.bias.probe_answers import WITHOUT_PROBE, Probe, measured_probe
from workflow_scripts.bias.quantities import galaxy_level_p, galaxy_level_summary
from workflow_scripts.bias.remedy_answers import remedy_answers
from workflow_scripts.bias.replicates import arm_fractions, arm_means
from workflow_scripts.bias.response_model import DecidingRule, response_models, variance_budget
from workflow_scripts.bias.run_level import run_level_tests
from workflow_scripts.bias.run_table import cosine_table, fractions_of_runs, mean_dipole, run_table
from workflow_scripts.bias.share_answers import share_answers
from workflow_scripts.bias.single_networks import single_networks
from workflow_scripts.bias.sky_maps import maps_of_experiment
from workflow_scripts.bias.training_comparison import NOT_KNOWN_OF_GIVEN, read_training_sets, training_balance
from workflow_scripts.class_against_rest import class_in_words, n_classes_of, n_tested_classes
from workflow_scripts.errors import InputError
from workflow_scripts.provenance import provenance
from workflow_scripts.runs import listed_runs, paths_of_runs
from workflow_scripts.statistics.p_values import adjusted_within_families, ledger
from workflow_scripts.statistics.result import plain
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json
from workflow_scripts.whole_file import whole_file

_NO_SCORES = "What scores show (thresholds, calibration, the mean score): the annotations have none."

parser = step_parser(__doc__)
parser.add_argument("--experiment", type=json_argument, required=True, help="the experiment, as JSON")
parser.add_argument("--catalog", required=True, help="the catalog (Parquet), for reference labels")
parser.add_argument("--annotations", required=True, help="annotations of a run (Parquet), with {run_id}")
parser.add_argument("--training-sets", help="training set of a run (Parquet), with {footprint} and {resample}")
parser.add_argument("--trainings", help="run.json of a run, with {run_id}")
parser.add_argument("--balance", help="balance of all training sets (CSV)")
parser.add_argument("--controls", type=json_argument, default={}, help="the experiment's controls, as JSON")
parser.add_argument("--shares", type=Path, help="what carries the effects, where the experiment asks (JSON)")
parser.add_argument("--remedies", type=Path, help="what removes the effects, where the experiment asks (JSON)")
parser.add_argument("--correction", type=Path, help="what is left without the bias, where it is corrected (JSON)")
parser.add_argument("--probe", type=json_argument, default={}, help="the experiment's probe, as JSON")
parser.add_argument("--probed-pixels", help="scores.parquet of a probing network, with {other}, {pixels} ...")
parser.add_argument("--probed-features", help="position.json of a run, with {footprint}, {network} ...")
parser.add_argument("--hygiene", type=Path, help="what became of the catalog's rows (JSON)")
parser.add_argument("--output-folder", type=Path, required=True, help="folder for the summary, tables and maps")


def main(arguments: argparse.Namespace) -> None:
    """Write summary.json, the tables behind it, and the maps."""
    runs = listed_runs(arguments.experiment)
    measure(
        arguments.experiment,
        runs,
        paths_of_runs(arguments.annotations, runs),
        arguments.catalog,
        arguments.output_folder,
        paths_of_runs(arguments.training_sets, runs) if arguments.training_sets else [],
        arguments.balance,
        json.loads(arguments.hygiene.read_text(encoding="utf-8")) if arguments.hygiene else None,
        measured_controls(
            arguments.experiment,
            arguments.controls,
            arguments.annotations,
            arguments.training_sets or "",
            arguments.catalog,
        ),
        paths_of_runs(arguments.trainings, runs) if arguments.trainings else [],
        arguments.shares,
        measured_probe(
            arguments.experiment,
            arguments.probe,
            arguments.probed_pixels,
            arguments.probed_features,
            arguments.training_sets,
            arguments.catalog,
        )
        if arguments.probe
        else WITHOUT_PROBE,
        arguments.remedies,
        arguments.correction,
    )


def measure(
    experiment: dict[str, Any],
    listed: list[dict[str, Any]],
    files: list[str],
    catalog: str,
    folder: Path,
    training_sets: Sequence[str] = (),
    balance: str | None = None,
    hygiene: Mapping[str, Any] | None = None,
    controls: Controls = WITHOUT_CONTROLS,
    trainings: Sequence[str] = (),
    shares: Path | None = None,
    probe: Probe = WITHOUT_PROBE,
    remedies: Path | None = None,
    correction: Path | None = None,
) -> None:
    """Measure an experiment from the annotation `files` of its `listed` runs, in their order.

    `hygiene`: what became of the catalog's rows; `controls`: its controls, measured;
    `trainings`: the `run.json` of the runs, in their order, where they were trained here; `shares`: what
    `measure_shares` wrote, where the experiment asks what carries its effects; `probe`: its probes, measured;
    `remedies`: what `compare_remedies` wrote, where it tries any; `correction`: what `correct_bias` wrote, where it is
    corrected.
    """
    given = experiment.get("annotations")
    annotated_in = paths_of_runs(given["path"], listed) if given else []
    annotations = read_annotations(experiment, listed, files, catalog, annotated_in)
    check_opposite(experiment, listed)
    logging.info("%d runs, %d galaxies", len(annotations.runs), annotations.n)
    settings, opposite = experiment["tests"], experiment["opposite"]
    templates, imaging, without_imaging = imaging_or_reason(catalog, settings, annotations)
    single = single_networks(annotations, imaging, settings)
    coefficients = template_coefficients(annotations, templates, imaging is not None) if templates else None
    columns = [run_table(annotations), single.columns, *([coefficients.columns] if coefficients else [])]
    learned = read_trainings(trainings)
    runs = pd.concat([*columns, *([mirror_columns(learned, files)] if learned else [])], axis=1)
    fractions = fractions_of_runs(annotations, settings["ra_bins"])
    training_templates = mean_training_templates(pd.read_csv(balance), templates) if balance and templates else None
    found = run_level_tests(runs, experiment, read_training_sets(training_sets), training_templates, annotations.sky)
    found.missing += [*unmeasured(annotations.sky), *without_imaging, *single.refused]
    if given:
        found.missing += [*NOT_KNOWN_OF_GIVEN, *([] if annotations.scored else [_NO_SCORES])]
    tested = n_tested_classes(experiment)
    of_runs = ledger(found.tests, settings["alpha"], tested)
    decisive = [line for line in of_runs if line["family"] == PRIMARY_FAMILY]
    primary = {line["name"]: {"p": line["p"], "p_holm": line["adjusted"]} for line in decisive}
    tables = {
        "runs": runs,
        "fractions": fractions,
        "cosine": cosine_table(annotations, fractions),
        "contrasts": pair_table(annotations, opposite, imaging, settings["seed"]),
        "arms": arm_means(measured_components(runs, annotations.sky), opposite),
        "arm_fractions": arm_fractions(runs, fractions, opposite),
        "thresholds": single.cuts,
    }
    for name, table in tables.items():
        with whole_file(folder / f"{name}.csv") as temporary:
            measured_components(table, annotations.sky).to_csv(temporary, index=False, float_format="%.9g")
    maps = maps_of_experiment(annotations, experiment) | {"unannotated": single.unannotated}
    with whole_file(folder / "sky_maps.npz") as temporary:
        np.savez(temporary, allow_pickle=False, **maps)
    mediated = []
    if coefficients and imaging:
        mediated = mediation_of_contrasts(annotations, coefficients, opposite, settings["seed"])
    of_galaxies = adjusted_within_families(galaxy_level_p(tables), settings["alpha"], tested)
    paper_style = paper_style_summary(runs, tables["contrasts"])
    further = [str(path) for path in (shares, remedies, correction) if path]
    inputs = list(dict.fromkeys([*files, *controls.files, *probe.files, *further]))
    measured = {**experiment, **({"controls": controls.entries} if controls.entries else {})}
    record = provenance(measured, {"permutations": settings["seed"]}, inputs)
    cautions = [
        *(cautions_of_trainings(list(runs["run_id"]), learned, n_classes_of(experiment)) if learned else []),
        *cautions_of_mirrors(runs),
        *cautions_of_networks(runs, annotations, experiment["classes"]),
    ]
    rule = DecidingRule(settings["alpha"], tested * max(1, len(decisive)), settings["permutations"])
    level, sky = (settings["alpha"], settings["effect"]), annotations.sky
    context = Context(runs, of_runs, paper_style, *level, cautions, sky, tested, experiment["classes"][1])
    answers = [*experiment_answers(found, context), *controls.answers, *probe.answers]
    if shares:
        answers += share_answers(json.loads(shares.read_text(encoding="utf-8")), answers, settings["alpha"], tested)
    if remedies:
        compared_with = json.loads(remedies.read_text(encoding="utf-8"))
        answered = {one.test: one.answer for one in answers}
        answers += remedy_answers(compared_with, answered, settings["alpha"], tested)
    if correction:
        corrected = json.loads(correction.read_text(encoding="utf-8"))
        answers.append(corrected_dipole_answer(corrected, *level, tested))
    headline = experiment_headline(answers, class_in_words(experiment))
    answers = answers_about_class(answers, experiment)
    compared = [sentence for test in found.tests for sentence in test.cautions]
    summary = {
        "headline": headline,
        "answers": [answer.as_dict() for answer in answers],
        "experiment": experiment["name"],
        "verdict": answers_text(answers),
        "simulated": experiment["simulated"],
        "sky_kind": annotations.sky.constrained.kind,
        "unconstrained": list(annotations.sky.constrained.unconstrained),
        "warnings": list(dict.fromkeys([*(hygiene or {}).get("warnings", []), *cautions, *compared])),
        "catalog": {"hygiene": hygiene} if hygiene else {},
        "primary": primary,
        "pattern": [
            {"test": test.name, "network": test.network, **test.details}
            for test in found.tests
            if test.design == PATTERN
        ],
        "ledger": of_runs + of_galaxies,
        "not_answered": found.not_answered,
        "variance_budget": variance_budget(runs, found.tests, opposite, rule),
        "mean_dipole": mean_dipole(runs),
        "response_model": response_models(runs, found.tests, annotations.sky),
        "imaging": imaging.as_dict() if imaging else None,
        "templates": templates.as_dict() if templates else None,
        "mediation": mediated,
        "training_balance": training_balance(runs, training_sets, opposite, settings["seed"]),
        "why": {"probe": probe.entries} if probe.entries else {},
        "galaxy_level": galaxy_level_summary(tables, of_galaxies, annotations.n),
        "paper_style": paper_style,
        "tests": [test.as_dict() for test in found.tests],
        "inputs": record["inputs"],
        "versions": record["versions"],
        "provenance": {"config": record["config"], "seeds": record["seeds"], "git": record["git"]},
    }
    # In this order, so that a reader meets the answers first.
    write_json(folder / "summary.json", plain(summary), sort_keys=False)
    logging.info("%s", summary["headline"])


def imaging_or_reason(
    catalog: str, settings: dict[str, Any], annotations: Annotations
) -> tuple[Templates | None, Imaging | None, list[str]]:
    """The catalog's imaging templates, a regression on sky and templates, and a sentence why there is none."""
    templates = None
    try:
        templates = read_templates(catalog, settings["templates"], annotations.catalog_rows)
        return templates, imaging_of(templates, annotations, settings["seed"]), []
    except ValueError as reason:
        sentence = str(reason).removesuffix(".")
        return templates, None, [f"Whether imaging explains a dipole of the annotations: {sentence}."]


def check_opposite(experiment: dict[str, Any], listed: list[dict[str, Any]]) -> None:
    """Raise `InputError` where a pair of opposite footprints names one without runs."""
    known = {run["footprint"] for run in listed}
    for name in (name for pair in experiment["opposite"] for name in pair):
        if name not in known:
            raise InputError(f"experiment {experiment['name']}: opposite names footprint {name}, which has no runs")


def paper_style_summary(runs: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, Any]:
    """What galaxy-level statistics would have claimed; conditional on the given networks."""
    sigma = runs.get("paper_max_sigma", pd.Series(dtype=float)).dropna()
    summary: dict[str, Any] = {"unit_of_replication": "galaxy", "n_runs": len(runs)}
    if len(sigma):
        summary |= {"median_max_sigma": sigma.median(), "largest_max_sigma": sigma.max()}
        summary |= {"share_above_3": (sigma > 3).mean(), "share_above_5": (sigma > 5).mean()}
        summary |= {"median_sigma_without_dipole": runs["paper_sigma_without_dipole"].median()}
    for kind, group in pairs.groupby("kind"):
        summary |= {f"{kind}_pairs": len(group), f"{kind}_median_absolute_mcnemar_z": group["z"].abs().median()}
    return summary


if __name__ == "__main__":
    run_step(main, parser)
