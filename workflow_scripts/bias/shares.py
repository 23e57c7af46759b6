"""What carries the effects of an experiment: its runs annotate versions of the images, in which properties are common.

All effects (`versioned_effects`) are taken from the same runs on the same galaxies in every version.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from workflow_scripts.bias.annotations import Annotations, read_annotations
from workflow_scripts.bias.versioned_effects import annotated_version, versioned_effects
from workflow_scripts.runs import listed_runs, paths_in_version
from workflow_scripts.statistics.result import plain
from workflow_scripts.statistics.runs.shapley_shares import carried_shares

_BOTH = ", with training and annotated images alike"


def measured_shares(
    experiment: Mapping[str, Any], counterfactual: Mapping[str, Any], annotations: str, catalog: str
) -> dict[str, Any]:
    """Shares of every effect of an experiment.

    Parameters
    ----------
    experiment
        with its `name`, `arms`, `opposite` and `classes`, as its runs are measured with.
    counterfactual
        `properties`, `constant`, `versions` and `retrained` (`counterfactual_versions.counterfactual_of`).
    annotations
        pattern of the file of a run, with `{survey}` and `{run_id}`.
    catalog
        for the reference labels.

    Returns
    -------
    dict
        `properties`, `constant`, and `effects`: of each `test` (its name among the tests of the experiment), `effect`
        (in words), `retrained` (whether networks are trained again on images in which properties are common; else the
        annotated images alone are made alike), and either `p` and `shares` as `CarriedShares` has them or the `reason`
        why there are none.

    Raises
    ------
    InputError
        where versions have other galaxies, and as `read_annotations`.
    """
    listed = listed_runs(experiment)

    def read(version: Mapping[str, Any]) -> Annotations:
        name = f"{experiment['name']}, {' and '.join(version['common']) or 'nothing'} in common"
        files = paths_in_version(annotations, listed, version)
        return read_annotations({**experiment, "name": name}, listed, files, catalog)

    effects = []
    if counterfactual["properties"]:
        first = read(counterfactual["versions"][0])
        own = annotated_version(first)
        for key in ("versions", "retrained"):
            if not (others := counterfactual[key][1:]):
                continue
            versions = [own, *(annotated_version(read(version), first) for version in others)]
            for test, words, effect in versioned_effects(experiment, versions, first):
                entry: dict[str, Any] = {"test": test, "effect": words, "retrained": key == "retrained"}
                if entry["retrained"]:
                    entry["effect"] += _BOTH
                try:
                    entry |= asdict(carried_shares(counterfactual["properties"], effect()))
                except ValueError as error:
                    entry["reason"] = str(error)
                effects.append(plain(entry))
    return {**{key: counterfactual[key] for key in ("properties", "constant")}, "effects": effects}
