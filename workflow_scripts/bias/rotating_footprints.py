"""How the catalog answers to the axis of rotating footprints."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from workflow_scripts.bias.collected_tests import (
    DIPOLE,
    FEWEST_FOOTPRINTS,
    CollectedTests,
    need_numbers,
    rotating_runs,
)
from workflow_scripts.bias.quantities import MAIN, SECONDARY, template_quantities
from workflow_scripts.bias.run_tests import RunTests
from workflow_scripts.bias.training_overlap import TrainingSets, overlap_between_footprints
from workflow_scripts.bias.training_templates import template_slopes
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.result import TestResult
from workflow_scripts.statistics.runs.footprint_response import scalar_response


def axis_responses(
    found: CollectedTests,
    runs: pd.DataFrame,
    settings: Mapping[str, Any],
    suffix: str,
    training_sets: TrainingSets,
    training_templates: pd.DataFrame | None = None,
) -> None:
    """Add the responses of all quantities to the footprint's axis, for each family of hemispheres.

    With `training_templates` (`mean_training_templates`), also the slopes on the imaging of the training galaxies.
    """
    rotating = rotating_runs(runs)
    if rotating["footprint"].nunique() < FEWEST_FOOTPRINTS:
        found.missing.append(
            "The rotating design was not run, so the response to the footprint's direction is unknown."
        )
        found.untested += [name for name in found.primary if name.endswith("_response")]
        return
    for label, members in by_family(rotating):
        _responses_of_family(found, members, settings, suffix + label, training_sets, training_templates)


def by_family(rotating: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Runs of each family of hemispheres, and what follows the names of its tests: nothing where there is one."""
    families = rotating["family"].nunique()
    return [
        (f" [{family}]" if families > 1 else "", members) for family, members in rotating.groupby("family", sort=False)
    ]


def of_footprints(rotating: pd.DataFrame) -> pd.DataFrame:
    """One row a footprint, the mean over its runs: they share training galaxies, so the footprint is the unit."""
    quantities = (*MAIN, *SECONDARY, *template_quantities(rotating))
    wanted = [
        column for quantity in quantities for column in (*quantity.columns, *quantity.centre)
        if column in rotating
    ]  # fmt: skip
    return rotating.groupby("footprint", sort=True)[["axis_ra", "axis_dec", *wanted]].mean()


def _responses_of_family(
    found: CollectedTests,
    rotating: pd.DataFrame,
    settings: Mapping[str, Any],
    suffix: str,
    training_sets: TrainingSets,
    training_templates: pd.DataFrame | None,
) -> None:
    means = of_footprints(rotating)
    axes = unit_vectors(means["axis_ra"], means["axis_dec"])
    notes = [f"{len(means)} footprints, {len(rotating)} runs; runs of a footprint are averaged first"]
    if rotating.groupby("footprint").size().nunique() > 1:
        notes.append("footprints have unequal numbers of runs: they are not strictly exchangeable, p is approximate")
    keys = list(dict.fromkeys(zip(rotating["footprint"], rotating["resample"], strict=True)))
    notes += overlap_between_footprints(keys, training_sets)
    null = "footprints are exchangeable: axes permuted over footprints"
    tests = RunTests(null, len(means), settings["permutations"], settings["seed"], notes)
    for quantity in (*MAIN, *SECONDARY, *template_quantities(means)):
        if set(quantity.columns) <= set(means):
            name = quantity.response_name + suffix
            family = quantity.family or found.family(name)
            make = partial(tests.response, family=family, quantity=quantity, axes=axes, means=means)
            found.attempt(name, make, quantity.family is not None)

    def scalar(name: str) -> TestResult:
        need_numbers(means[DIPOLE])
        kappa = scalar_response(axes, means[DIPOLE].to_numpy(), tests.permutations, tests.seed)
        return tests.result(
            name,
            found.family(name),
            "kappa of d_f = d_0 + kappa a_f",
            kappa,
            estimate=kappa.kappa,
            se=kappa.se,
            ci95=kappa.ci95,
            statistic=kappa.kappa / kappa.se if kappa.se > 0 else None,
            notes=notes,
        )

    found.attempt("scalar_dipole_response" + suffix, scalar)
    if training_templates is not None:
        template_slopes(found, rotating, means, training_templates, tests, suffix)
