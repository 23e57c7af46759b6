"""The response model d_f = d_0 + K a_f + e in numbers: what all networks share, and what follows the footprint."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.bias.collected_tests import DIPOLE, FEWEST_FOOTPRINTS, REFERENCE_DIPOLE, rotating_runs
from workflow_scripts.bias.rotating_footprints import by_family, of_footprints
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.statistics.runs.footprint_response import footprint_response, scalar_response


def response_models(runs: pd.DataFrame, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One entry a network and family of hemispheres; none where too few of these were run.

    Returns
    -------
    list of dict
        `network, family, footprints`; `d_0` (3,), its standard error between footprints `d_0_se` (None without
        reference labels), and that of the galaxies, which all networks share, `d_0_galaxy_se`; `K` (3, 3) and `K_se`;
        `residual_sd`, the root mean square of e over components; `kappa`, `kappa_se`, `kappa_ci95`. Dipoles are of
        prediction minus reference, of unit vectors (x y z).
    """
    models = []
    for network, group in runs.groupby("network", sort=False):
        rotating = rotating_runs(group)
        for _, members in by_family(rotating) if len(rotating) else []:
            if members["footprint"].nunique() >= FEWEST_FOOTPRINTS:
                entry = {"network": str(network), "family": str(members["family"].iloc[0])}
                models.append(entry | _model(members, settings))
    return [model for model in models if "K" in model]


def _model(members: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, Any]:
    means = of_footprints(members)
    axes, values = unit_vectors(means["axis_ra"], means["axis_dec"]), means[DIPOLE].to_numpy()
    permutations, seed = settings["permutations"], settings["seed"]
    if not np.isfinite(values).all():
        return {}
    try:
        fit = footprint_response(axes, values, permutations, seed)
        kappa = scalar_response(axes, values, permutations, seed)
    except ValueError:
        # The test of the same name is among those that were not answered, with the reason.
        return {}
    residual = values - fit.common - axes @ fit.matrix.T
    degrees = values.size - 4 * values.shape[1]
    model: dict[str, Any] = {
        "footprints": len(means),
        "K": fit.matrix,
        "K_se": fit.matrix_se,
        "residual_sd": float(np.sqrt((residual**2).sum() / degrees)),
        "kappa": kappa.kappa,
        "kappa_se": kappa.se,
        "kappa_ci95": kappa.ci95,
        "d_0": None,
        "d_0_se": None,
        "d_0_galaxy_se": None,
    }
    reference = means[REFERENCE_DIPOLE].to_numpy()
    labelled = (members["n_reference"] > 0).all() and np.isfinite(reference).all()
    if labelled:
        common = footprint_response(axes, reference, permutations, seed)
        model |= {"d_0": common.common, "d_0_se": common.common_se}
        model["d_0_galaxy_se"] = members[[f"{name}_se" for name in REFERENCE_DIPOLE]].median()
    return model
