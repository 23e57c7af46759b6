"""Does what a run makes of the imaging follow the imaging of its own training galaxies? The rotating design asks."""

from functools import partial

import numpy as np
import pandas as pd

from workflow_scripts.bias.collected_tests import CollectedTests
from workflow_scripts.bias.imaging_templates import Templates
from workflow_scripts.bias.quantities import MAIN, TEMPLATE_ALONE, TEMPLATE_BESIDE, template_quantities
from workflow_scripts.bias.run_tests import RunTests

# Beside the coefficients: the annotated fraction, whose change is what a property would have to explain.
_FRACTION = next(quantity for quantity in MAIN if quantity.name == "fraction")


def mean_training_templates(balance: pd.DataFrame, templates: Templates) -> pd.DataFrame:
    """Mean template of the galaxies of each training set, in standard deviations of the annotated galaxies.

    `balance` is the table of all training sets (`footprint, resample, covariate, n, mean`, a row a class). A row of the
    result is a training set (footprint, resample), a column a template as `Templates.called`; NaN where a property is
    not in the table.
    """
    if not {"covariate", "n", "mean"} <= set(balance):
        return pd.DataFrame(columns=list(templates.called), dtype=float)
    known = balance[balance["covariate"].isin(templates.names) & balance["n"].gt(0)]
    sums = known.assign(total=known["n"] * known["mean"]).groupby(["footprint", "resample", "covariate"])
    totals = sums[["total", "n"]].sum()
    means = (totals["total"] / totals["n"]).unstack("covariate").reindex(columns=list(templates.names))
    standard = (means - templates.mean) / templates.spread
    # Of its own properties only: one that is not known leaves the other templates as they are.
    columns = {
        name: standard.loc[:, loadings != 0].to_numpy() @ loadings[loadings != 0]
        for name, loadings in zip(templates.called, templates.loadings.T, strict=True)
    }
    return pd.DataFrame(columns, index=means.index)


def template_slopes(
    found: CollectedTests,
    rotating: pd.DataFrame,
    means: pd.DataFrame,
    training: pd.DataFrame,
    tests: RunTests,
    suffix: str,
) -> None:
    """Add the slopes of the annotated fraction and of each template's coefficient on the training galaxies' mean of it.

    `means` has a row a footprint (`of_footprints`), `training` is of `mean_training_templates`.
    """
    if training.empty:
        return
    keys = rotating[["footprint", "resample"]].apply(tuple, axis=1)
    # A footprint's mean over its runs, as the coefficients are.
    own = training.reindex(pd.MultiIndex.from_tuples(keys)).set_axis(rotating["footprint"]).groupby(level=0).mean()
    for template in training:
        covariate = own[template].reindex(means.index)
        own_coefficients = {TEMPLATE_ALONE + template, TEMPLATE_BESIDE + template}
        quantities = [quantity for quantity in template_quantities(means) if quantity.name in own_coefficients]
        for quantity in (_FRACTION, *quantities):
            name = f"{quantity.name}_slope_on_{template}{suffix}"
            make = partial(
                tests.slope, family="imaging", quantity=quantity, covariate=covariate, means=means, template=template
            )
            if np.isfinite(covariate).any():
                found.attempt(name, make, secondary=True)
