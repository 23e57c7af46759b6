"""What every run's labels make of the imaging: coefficients of templates, and the share of a dipole they explain.

The template x footprint interaction: the coefficient of y_A - y_B is the difference of the coefficients, so that these
are compared between arms like any other number of a run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_scripts.bias.annotations import Annotations
from workflow_scripts.bias.imaging_templates import PIXEL_ORDER, Templates, patches_of
from workflow_scripts.bias.quantities import TEMPLATE_ALONE, TEMPLATE_BESIDE
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.statistics.runs.run_regressions import TemplateRegression, run_mediation


@dataclass(frozen=True)
class TemplateCoefficients:
    """`columns`: one row a run, `TEMPLATE_ALONE` and, where a dipole can be told from them, `TEMPLATE_BESIDE`.

    `products` (runs, blocks, 4 + k) are of the runs' labels, for the `regression`.
    """

    columns: pd.DataFrame
    regression: TemplateRegression
    products: NDArray[np.float64]


def template_coefficients(
    annotations: Annotations, templates: Templates, beside_dipole: bool
) -> TemplateCoefficients | None:
    """Regress the labels of every run on the templates; None where they leave a coefficient undetermined.

    A coefficient is the change of the label, 0 or 1, for one standard deviation of a template. Alone, a template that
    has a dipole also takes what a dipole of the sky does to the labels; between two networks on the same galaxies, that
    much is the same only where both see the classes equally well.
    """
    rows = templates.rows
    patches = patches_of(tile_of(annotations.ra[rows], annotations.dec[rows], PIXEL_ORDER))
    try:
        regression = TemplateRegression.of(annotations.vectors[rows], templates.values, patches)
    except ValueError:
        return None
    designs = [(TEMPLATE_ALONE, False)]
    designs += [(TEMPLATE_BESIDE, True)] if beside_dipole and regression.beside_dipole else []
    products = np.array([regression.outcome_products(labels[rows]) for labels in annotations.labels])
    entries = [
        {
            start + name: float(value)
            for start, beside in designs
            for name, value in zip(templates.called, regression.coefficients(sums, beside), strict=True)
        }
        for sums in products
    ]
    return TemplateCoefficients(pd.DataFrame(entries), regression, products)


def mediation_of_contrasts(
    annotations: Annotations, found: TemplateCoefficients, opposite: Sequence[Sequence[str]], seed: int
) -> list[dict[str, Any]]:
    """How much of the dipole between opposite footprints goes away beside templates, resampled over runs and sky.

    One entry a network and pair: `network, contrast, training_sets` of both, `raw` and `adjusted` dipole (x y z),
    `share, share_ci95, share_along, share_along_ci95` as in `RunMediation`, or `reason`, why there are none.
    """
    runs, entries = annotations.runs, []
    for network in dict.fromkeys(runs["network"]):
        for pair in opposite:
            arms = [_of_training_sets(annotations, found.products, network, name) for name in pair]
            entry: dict[str, Any] = {"network": str(network), "contrast": " - ".join(pair)}
            entry["training_sets"] = [len(arm) for arm in arms]
            try:
                entry |= _mediation(found.regression, arms, seed)
            except ValueError as error:
                entry["reason"] = str(error)
            entries.append(entry)
    return entries


def _of_training_sets(
    annotations: Annotations, products: NDArray[np.float64], network: str, footprint: str
) -> NDArray[np.float64]:
    """Products (training sets, blocks, 4 + k) of a footprint's runs, mean over the seeds of a training set."""
    of_arm = annotations.runs[annotations.runs["network"].eq(network) & annotations.runs["footprint"].eq(footprint)]
    sets = [products[annotations.rows(network=network, footprint=footprint, resample=resample)].mean(axis=0)
            for resample in sorted(of_arm["resample"].unique())]  # fmt: skip
    return np.array(sets).reshape(len(sets), *products.shape[1:])


def _mediation(regression: TemplateRegression, arms: Sequence[NDArray[np.float64]], seed: int) -> Mapping[str, Any]:
    share = run_mediation(regression, arms[0], arms[1], seed=seed)
    wanted = ("raw", "adjusted", "share", "share_ci95", "share_along", "share_along_ci95", "n_blocks")
    return {name: getattr(share, name) for name in wanted}
