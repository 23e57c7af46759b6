"""What carries the effects of an experiment: its runs annotate versions of the images, in which properties are common.

All effects (`versioned_effects`) are taken from the same runs on the same galaxies in every version.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from workflow_scripts.bias.annotations import Annotations, read_annotations
from workflow_scripts.bias.versioned_effects import Version, annotated_version, versioned_effects
from workflow_scripts.runs import listed_runs, paths_in_version
from workflow_scripts.statistics.result import plain
from workflow_scripts.statistics.runs.shapley_shares import carried_shares


def measured_shares(
    experiment: Mapping[str, Any], counterfactual: Mapping[str, Any], annotations: str, catalog: str
) -> dict[str, Any]:
    """Shares of every effect of an experiment.

    Parameters
    ----------
    experiment
        with its `name`, `arms`, `opposite` and `classes`, as its runs are measured with.
    counterfactual
        `properties`, `constant` and `versions` (`counterfactual_versions.counterfactual_of`).
    annotations
        pattern of the file of a run, with `{survey}` and `{run_id}`.
    catalog
        for the reference labels.

    Returns
    -------
    dict
        `properties`, `constant`, and `effects`: of each `test` (its name among the tests of the experiment), `effect`
        (in words), and either `p` and `shares` as `CarriedShares` has them or the `reason` why there are none.

    Raises
    ------
    InputError
        where versions have other galaxies, and as `read_annotations`.
    """
    listed = listed_runs(experiment)
    first: Annotations | None = None
    versions: list[Version] = []
    for version in counterfactual["versions"]:
        name = f"{experiment['name']}, {' and '.join(version['common']) or 'nothing'} in common"
        files = paths_in_version(annotations, listed, version)
        found = read_annotations({**experiment, "name": name}, listed, files, catalog)
        first = first or found
        versions.append(annotated_version(found, first))
    effects = []
    given = versioned_effects(experiment, versions, first) if first and counterfactual["properties"] else ()
    for test, words, effect in given:
        entry: dict[str, Any] = {"test": test, "effect": words}
        try:
            entry |= asdict(carried_shares(counterfactual["properties"], effect()))
        except ValueError as error:
            entry["reason"] = str(error)
        effects.append(plain(entry))
    return {**{key: counterfactual[key] for key in ("properties", "constant")}, "effects": effects}
