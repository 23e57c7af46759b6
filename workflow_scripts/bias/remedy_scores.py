"""What a remedy leaves of the effects of an experiment, what it does to a true signal, and what it costs in galaxies.

Remaining effects are those of the experiment's own tests on the treated runs, in the same unit, so that they can be
compared with the size that the experiment asks about. Their ratio to the untreated effects is that of parts along the
latter, with Fieller's interval: runs of a remedy stand beside the untreated ones of the same footprint, training set
and seed, and one covariance between these units holds what both share.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from workflow_scripts.bias.annotations import Annotations, read_annotations
from workflow_scripts.bias.declared_tests import RunLevelTest
from workflow_scripts.bias.ensembles import ensembles_of, sizes_of_ensembles
from workflow_scripts.bias.quantities import DIPOLE, FRACTION
from workflow_scripts.bias.remedied_runs import (
    BALANCED_ACCURACY,
    PLANTED,
    PlantedSky,
    imaging_strata_of,
    label_runs,
    powered_runs,
    retrained_runs,
    template_runs,
    true_classes_of,
    untreated_version,
)
from workflow_scripts.bias.replicates import independent_units
from workflow_scripts.bias.run_level import run_level_tests
from workflow_scripts.bias.run_statistics import direction_words
from workflow_scripts.bias.training_comparison import (
    TrainingSet,
    TrainingSets,
    read_training_sets,
    training_set_of,
)
from workflow_scripts.bias.versioned_effects import Version, versioned_effects
from workflow_scripts.runs import listed_runs, parts_of_remedy, paths_in_version
from workflow_scripts.statistics.result import plain
from workflow_scripts.statistics.runs.shapley_shares import LEFT, carried_shares, mean_of_units
from workflow_scripts.statistics.truth.planted_signal import least_kept

_Tests = dict[str, RunLevelTest]
_Score = dict[str, Any]
# One property, which the treated version has in common, leaves what remains.
_REMEDY = ("remedy",)


def measured_score(
    experiment: Mapping[str, Any],
    remedy: Mapping[str, Any],
    annotations: str,
    catalog: str | Path,
    training_sets: str | None = None,
    ledger: str | Path | None = None,
    truth: str | Path | None = None,
) -> _Score:
    """The score of a remedy.

    Parameters
    ----------
    experiment
        with its `name`, `arms`, `opposite`, `classes`, `survey` and `tests`, as its own runs are measured with.
    remedy
        its name as `remedy`, `survey`, `networks` and `footprints` by those of the experiment; `strata` has two
        footprints for each, and `propensities` what tells its strata.
    annotations, training_sets
        patterns of the files of a run, with `{survey}`, `{run_id}`, `{footprint}`, `{resample}`.
    catalog
        for reference labels and imaging templates.
    ledger
        of the cutouts, for strata: which galaxies were in the training pool.
    truth
        of a simulated sky: its galaxies with their true classes, in which a dipole is planted.

    Returns
    -------
    dict
        `effects`, a `test` each: `untreated` and `remaining` size with its 95 % interval, `limit95`, `p`, and `dof` of
        the interval, and their `ratio`; `signal`, what is `kept` of a planted dipole, and whether it is one
        `of_true_classes`, or of the reference labels; `balanced_accuracy` against the same; `galaxies`
        of the training sets; of ensembles also `members`, their number and what remains, and the number `needed`.
        Where the remedy cannot be scored, the `reason` and no effects.

    Raises
    ------
    InputError
        as `read_annotations`.
    """
    listed = listed_runs(experiment)
    untreated = untreated_version(experiment)
    first = read_annotations(experiment, listed, paths_in_version(annotations, listed, untreated), catalog)
    true_classes = None if truth is None else true_classes_of(first, catalog, truth, experiment)
    planted = PlantedSky.of_annotations(first, true_classes)
    before = label_runs(first, first, planted)
    own = _tests(experiment, before, first)
    own_sets: TrainingSets = {}
    sets: TrainingSets = {}
    if training_sets:
        own_sets = read_training_sets(paths_in_version(training_sets, listed, untreated))
        first_sets, *second_sets = (_named(training_sets, listed, version) for version in parts_of_remedy(remedy))
        sets = {key: _joined([one, *(others[key] for others in second_sets)]) for key, one in first_sets.items()}
    score: _Score = {"experiment": experiment["name"], "remedy": remedy["remedy"], "effects": []}
    members: dict[str, Any] = {}
    try:
        if remedy["remedy"] == "ensemble":
            after, scored, members = _of_ensembles(first, before, own, experiment, planted)
        else:
            after = (treated := _treated(first, planted, experiment, remedy, annotations, catalog, ledger)), treated
            scored = _effects(experiment, before, own, after, first)
    except ValueError as error:
        return score | {"reason": str(error), "signal": None, "balanced_accuracy": None, "galaxies": None}
    return plain(
        score
        | {"effects": scored}
        | {"signal": _signal(before, after[1], planted), "balanced_accuracy": _accuracy(before, after[1])}
        | {"galaxies": _galaxies(own_sets, sets)}
        | members
    )


def _treated(
    first: Annotations,
    planted: PlantedSky,
    experiment: Mapping[str, Any],
    remedy: Mapping[str, Any],
    annotations: str,
    catalog: str | Path,
    ledger: str | Path | None,
) -> Version:
    if remedy["remedy"] == "templates":
        return template_runs(first, catalog, experiment["tests"], planted)
    if remedy["remedy"] == "prediction_powered":
        return powered_runs(first, experiment["tests"], planted)
    strata = imaging_strata_of(remedy, first, catalog, ledger)
    found = retrained_runs(experiment, remedy, listed_runs(experiment), annotations, catalog, strata)
    return label_runs(found, first, planted)


def _of_ensembles(
    first: Annotations, before: Version, own: _Tests, experiment: Mapping[str, Any], planted: PlantedSky
) -> tuple[tuple[Version, Version], list[_Score], dict[str, Any]]:
    """The ensembles of all footprints, their effects, and what remains in smaller ones.

    `needed` is the smallest number of members at which what remains of every effect of the footprint is excluded above
    the size that the experiment asks about, None where there is none.
    """
    lines: list[dict[str, Any]] = []
    for size in sizes_of_ensembles(first):
        found = ensembles_of(first, experiment, size, planted, experiment["tests"]["seed"])
        remaining = _effects(experiment, before, own, (found.between, found.shared), first)
        shown = ("test", "effect", "remaining", "ratio")
        lines.append({"members": size, "effects": [{key: one[key] for key in shown} for one in remaining]})
    enough = []
    for line in lines:
        limits = [one["remaining"]["limit95"] for one in line["effects"] if one["test"].split()[0] != "common_dipole"]
        if limits and all(limit is not None and limit < experiment["tests"]["effect"] for limit in limits):
            enough.append(line["members"])
    return (found.between, found.shared), remaining, {"members": lines, "needed": min(enough, default=None)}


def _effects(
    experiment: Mapping[str, Any], before: Version, tests: _Tests, after: tuple[Version, Version], of: Annotations
) -> list[_Score]:
    """Every effect, untreated and treated.

    `tests` are those of the untreated runs; `after` is what differs between footprints, and what all networks share.
    """
    between, shared = after
    treated = _tests(experiment, between, of)
    if shared is not between:
        treated |= {name: one for name, one in _tests(experiment, shared, of).items() if _is_shared(name)}
    pairs = zip(
        versioned_effects(experiment, [before, between], of),
        versioned_effects(experiment, [before, shared], of),
        strict=True,
    )
    found = []
    for one, other in pairs:
        name, words, effect = other if _is_shared(one[0]) else one
        own = tests.get(name)
        entry: dict[str, Any] = {"test": name, "effect": words, "unit": "fraction" if "fraction" in name else "dipole"}
        entry |= {"untreated": _size(own), "remaining": _size(treated.get(name)), "ratio": None}
        try:
            versions = effect()
            left = carried_shares(_REMEDY, versions).shares[LEFT]
            dof = versions.dof
        except ValueError as error:
            entry["reason"], dof = str(error), None
        else:
            if left.ci95 is None:
                entry["reason"] = "The untreated effect is not distinguishable from zero."
            else:
                entry["ratio"] = {"value": left.share, "ci95": left.ci95}
        if own is not None and _nothing_left(own, between):
            entry["remaining"] = {"value": 0.0, "ci95": [0.0, 0.0], "limit95": 0.0, "p": 1.0}
            entry["ratio"] = entry["ratio"] and {"value": 0.0, "ci95": [0.0, 0.0]}
        found.append(entry | {"dof": dof})
    return found


def _tests(experiment: Mapping[str, Any], version: Version, of: Annotations) -> _Tests:
    """The experiment's own tests of the runs of a version, by name.

    Training sets play no part: footprints that a remedy draws from one region are meant to be alike.
    """
    return {test.name: test for test in run_level_tests(version.numbers, experiment, sky=of.sky).tests}


def _is_shared(test: str) -> bool:
    return test.split()[0] == "common_dipole"


def _size(test: RunLevelTest | None) -> dict[str, Any]:
    if test is None or test.size is None:
        return {"value": None, "ci95": None, "limit95": None, "p": None if test is None else test.deciding_p}
    interval = None if test.size_ci95 is None else [float(end) for end in test.size_ci95]
    return {"value": test.size, "ci95": interval, "limit95": test.limit95, "p": test.deciding_p}


def _nothing_left(test: RunLevelTest, treated: Version) -> bool:
    """Whether the footprints of a test are alike by construction, as in an ensemble that has all of them."""
    numbers = treated.numbers
    own = numbers[numbers["footprint"].isin(test.footprints) & (numbers["network"] == test.network)]
    columns = [FRACTION.name, *DIPOLE]
    return len(own) > 1 and bool((np.ptp(own[columns].to_numpy(float), axis=0) < 1e-12).all())


def _signal(before: Version, after: Version, planted: PlantedSky) -> dict[str, Any] | None:
    """What is kept of a true dipole; None without reference labels that could have one."""
    if planted.axes is None:
        return None
    units = [_units(before.numbers, version.numbers[PLANTED]) for version in (before, after)]
    matrices = [one.reshape(-1, 3, 3) for one in units]
    diagonals = [np.trace(one, axis1=1, axis2=2) / len(planted.axes) for one in matrices]
    signal: dict[str, Any] = {"of_true_classes": planted.of_true_classes}
    signal |= {name: _mean(values) for name, values in zip(("untreated", "treated"), diagonals, strict=True)}
    means = [planted.axes @ one.mean(axis=0) @ planted.axes.T for one in matrices]
    try:
        both = mean_of_units(np.stack(diagonals, axis=1)[:, :, None])
        left = carried_shares(_REMEDY, both).shares[LEFT]
        signal["kept"] = {"value": left.share, "ci95": left.ci95, "dof": both.dof}
        value, direction = least_kept(*means)
        signal["worst"] = {"value": value, "direction": direction_words(direction @ planted.axes)}
    except ValueError as error:
        signal |= {"kept": None, "worst": None, "reason": str(error)}
    return signal


def _accuracy(before: Version, after: Version) -> dict[str, Any] | None:
    if BALANCED_ACCURACY not in before.numbers:
        return None
    own, treated = (_units(before.numbers, version.numbers[[BALANCED_ACCURACY]])[:, 0] for version in (before, after))
    change = _mean(treated - own)
    return {"untreated": own.mean(), "treated": treated.mean(), "change": change["value"], "ci95": change["ci95"]}


def _units(runs: pd.DataFrame, columns: pd.DataFrame) -> NDArray[np.float64]:
    """Means of columns over the independent units (footprints or training sets) that a common dipole has."""
    used, _, unit, _ = independent_units(runs)
    keys = [
        runs.loc[used.index, key] for key in (("footprint",) if unit == "footprints" else ("footprint", "resample"))
    ]
    return columns.loc[used.index].groupby(keys, sort=True).mean().to_numpy(float)


def _mean(values: NDArray[np.float64]) -> dict[str, Any]:
    """Mean of independent units with its 95 % interval (Student's t); None of a single one."""
    n, mean = len(values), float(values.mean())
    if n < 2:
        return {"value": mean, "ci95": None}
    half = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return {"value": mean, "ci95": [mean - half, mean + half]}


def _joined(sets: Sequence[TrainingSet]) -> TrainingSet:
    """The galaxies of several training sets, as of two strata."""
    return TrainingSet(np.concatenate([one.ids for one in sets]))


def _named(pattern: str, listed: Sequence[Mapping[str, Any]], version: Mapping[str, Any]) -> TrainingSets:
    """Training sets of a version by footprint and resample of the untreated ones."""
    files = {
        (str(run["footprint"]), int(run["resample"])): file
        for run in listed
        for file in paths_in_version(pattern, [run], version)
    }
    found = read_training_sets(list(dict.fromkeys(files.values())))
    return {key: found[training_set_of(file)] for key, file in files.items()}


def _galaxies(own: TrainingSets, treated: TrainingSets) -> dict[str, Any] | None:
    """Galaxies of a training set (median), and distinct ones of all sets."""
    if not treated:
        return None
    distinct = [len(set().union(*(one.ids for one in sets.values()))) for sets in (own, treated)]
    per_set = float(np.median([len(one.ids) for one in treated.values()]))
    return {"per_set": per_set, "distinct": distinct[1], "untreated_distinct": distinct[0]}
