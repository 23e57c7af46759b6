"""The controls of an experiment: whether its tests find what is not there, and whether they find what is.

A control is measured as the experiment is, from runs of its own (`configuration/control_runs.py`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from workflow_scripts.answers.answer import CANNOT_TELL, CONTROL, NO, POSITIVE_CONTROL, YES, Answer, Effect
from workflow_scripts.answers.decision import Evidence, decided
from workflow_scripts.answers.wording import capital, limit_in_points, points_in_words, with_points
from workflow_scripts.bias.annotations import read_annotations
from workflow_scripts.bias.quantities import REFERENCE_DIPOLE
from workflow_scripts.bias.run_level import RunLevelTest, RunLevelTests, run_level_tests
from workflow_scripts.bias.run_table import run_table
from workflow_scripts.bias.training_comparison import read_training_sets
from workflow_scripts.class_against_rest import n_tested_classes
from workflow_scripts.runs import listed_runs, paths_of_runs
from workflow_scripts.statistics.p_values import holm, ledger
from workflow_scripts.statistics.runs.dose_trend import DoseTrend, dose_trend


class _Words(NamedTuple):
    """What a control is, as the subject of a sentence; what was done to it; and what it would mean if it finds."""

    subject: str
    made: str
    meaning: str


_NEGATIVE = {
    "placebo": _Words(
        "placebo footprints",
        "The galaxies of the compared footprints were pooled and dealt out at random, with the same sizes and matching",
        "these tests call differences between training sets an effect of the footprint that are none",
    ),
    "shuffled_sky": _Words(
        "footprints on a shuffled sky",
        "Positions were permuted over galaxies within the training pool, and within the annotation set, before the"
        " footprints were cut",
        "these tests find a pattern where none can be",
    ),
}


class Controls(NamedTuple):
    """The `answers` of an experiment's controls, and what they rest on: `entries` by kind, and annotation `files`."""

    entries: Mapping[str, Any]
    files: Sequence[str]
    answers: Sequence[Answer]


WITHOUT_CONTROLS = Controls({}, (), ())


def measured_controls(
    experiment: Mapping[str, Any],
    controls: Mapping[str, Mapping[str, Any]],
    annotations: str,
    training_sets: str,
    catalog: str,
) -> Controls:
    """One answer for each control without a cause, and one for each number that should follow a dose.

    Parameters
    ----------
    experiment
        with its `name`, `tests` and `classes`, as its own runs are measured with.
    controls
        by kind, as `Configuration.controls_parameter` gives them.
    annotations, training_sets
        patterns of the files of a run, as in `paths_of_runs`.
    catalog
        for the reference labels.
    """
    answers: list[Answer] = []
    used: list[str] = []
    tested = n_tested_classes(experiment)
    # In a fixed order, whatever the order of the keys.
    for kind, control in sorted(controls.items(), key=lambda item: (item[0] not in _NEGATIVE, item[0])):
        listed = listed_runs(control)
        files = paths_of_runs(annotations, listed)
        annotated = read_annotations(
            {**experiment, "name": f"{experiment['name']}, control {kind}"}, listed, files, catalog
        )
        runs = run_table(annotated)
        used += files
        if kind in _NEGATIVE:
            sets = read_training_sets(paths_of_runs(training_sets, listed))
            found = run_level_tests(runs, {**experiment, **control}, sets, sky=annotated.sky)
            fraction = float(runs["fraction"].mean())
            alpha, largest = experiment["tests"]["alpha"], min(fraction, 1 - fraction)
            answers.append(answer_without_cause(kind, found, alpha, largest, experiment["tests"]["effect"], tested))
        else:
            answers += answers_to_dose(runs, control, experiment["tests"], experiment["classes"], tested)
    return Controls(controls, list(dict.fromkeys(used)), answers)


def answer_without_cause(
    kind: str, found: RunLevelTests, alpha: float, largest: float, of_interest: float, sets: int = 1
) -> Answer:
    """Whether the primary tests find an effect in a control (`placebo` or `shuffled_sky`) in which there is none.

    The answer is yes where the smallest p, after Holm's adjustment over the primary tests, is below `alpha`: without a
    fault that is so in a share `alpha` of all experiments, at most. It is no where no effect is found and the limit on
    it is below `largest`, the largest that there could be, and below `of_interest`, the size that the experiment asks
    about. Every p is adjusted over so many `sets` of these tests, too.
    """
    words = _NEGATIVE[kind]
    tests = {test.name: test for test in found.tests if test.family == "primary"}
    adjusted = {line["name"]: line["adjusted"] for line in ledger(list(tests.values()), alpha, sets)}
    question = f"Do {words.subject}, where there is nothing to find, show an effect? (No is the healthy answer.)"
    because = [f"{words.made}; the same networks were trained, and the same primary tests made."]
    if not adjusted:
        reasons = [f"{', '.join(names)}: {reason}." for reason, names in found.failed.items()]
        return Answer(
            question,
            kind,
            CANNOT_TELL,
            f"Whether {words.subject} show an effect was not tested",
            f"{words.subject.capitalize()} could not be tested",
            because=[*because, "None of the primary tests could be made.", *reasons],
            next=["Add training sets or footprints to the arms that are compared."],
            role=CONTROL,
        )
    name = min(adjusted, key=adjusted.__getitem__)
    p, floor = adjusted[name], sets * len(adjusted) * min(tests[one].p_smallest or 0.0 for one in adjusted)
    bounded = [test for test in tests.values() if test.limit95 is not None]
    shown = tests[name] if p < alpha or not bounded else bounded[0]
    limit = shown.limit95
    answer, why = decided(Evidence(p, floor, limit, largest, of_interest=of_interest, points=True), alpha)
    subject = words.subject.capitalize()
    above = f" above {limit_in_points(limit)} in the {shown.quantity}" if limit else ""
    statement, short, further = {
        YES: (
            f"{subject} show an effect ({name}), which speaks against this experiment",
            f"{subject} show an effect where none can be, which speaks against this experiment",
            "Repeat the control with another controls.seed; believe no effect of the experiment before it passes.",
        ),
        NO: (
            f"{subject} show no effect{above}, as they should",
            f"{subject} show no effect, as they should",
            "",
        ),
        CANNOT_TELL: (
            f"Whether {words.subject} show an effect cannot be decided",
            f"Whether {words.subject} show an effect cannot be decided",
            "Add training sets or footprints to the arms that are compared, or permutations.",
        ),
    }[answer]
    if answer == YES:
        why = [f"Without a fault this has a probability of {alpha:g} at most; with one, {words.meaning}."]
    return Answer(
        question,
        name,
        answer,
        statement,
        short,
        effect=_effect(shown),
        p_adjusted=p,
        limit95=limit,
        because=[*because, *why],
        next=[further] if further else [],
        role=CONTROL,
    )


def _effect(test: RunLevelTest) -> Effect:
    """The size of a test between runs; in the unit of what it compares."""
    size = test.size if test.size is not None else float(np.linalg.norm(np.atleast_1d(np.asarray(test.estimate))))
    interval = None if test.size_ci95 is None else (float(test.size_ci95[0]), float(test.size_ci95[1]))
    return Effect(float(size), interval, f"{test.quantity.replace('_', ' ')}")


def answers_to_dose(
    runs: pd.DataFrame, control: Mapping[str, Any], settings: Mapping[str, Any], classes: list[str], sets: int = 1
) -> list[Answer]:
    """Whether the annotations follow the blur of the training images: by network, their fraction and their sky pattern.

    The fraction is that of the second class. The pattern is the dipole of prediction minus reference along the mean of
    that dipole over all runs of the control, which permuted doses leave as it is; it needs reference labels. Seeds of a
    training set are averaged first; Holm's adjustment is over all of these answers, and p is multiplied by `sets`.

    Parameters
    ----------
    runs
        a `run_table`.
    control
        with `doses` and `undosed` by network (`configuration.control_runs.controls_of`).
    settings
        `alpha`, `permutations` and `seed` of the tests.
    """
    trends: dict[tuple[str, str], DoseTrend | str] = {}
    several = len(set(control["undosed"].values())) > 1
    for base in dict.fromkeys(control["undosed"].values()):
        networks = sorted(
            (one for one in control["doses"] if control["undosed"][one] == base), key=control["doses"].get
        )
        doses = [control["doses"][network] for network in networks]
        for what, values in _by_dose(runs, networks).items():
            try:
                trends[base, what] = dose_trend(doses, values, settings["permutations"], settings["seed"])
            except ValueError as error:
                trends[base, what] = str(error)
    made = {key: trend for key, trend in trends.items() if isinstance(trend, DoseTrend)}
    adjusted = dict(zip(made, sets * holm([trend.p_permutation for trend in made.values()]), strict=True))
    largest = max(control["doses"].values())
    # A fraction, and a dipole, can change by no more than this.
    fraction = float(runs["fraction"].mean())
    room = {"fraction": max(fraction, 1 - fraction), "pattern": min(fraction, 1 - fraction)}
    (footprint,) = runs["footprint"].unique()
    answers = []
    for (base, what), trend in trends.items():
        subject = f"the fraction of {classes[1]}" if what == "fraction" else "the dipole of prediction minus reference"
        of_network = f" of {base}" if several else ""
        question = (
            f"Does {subject}{of_network} follow a blur of the training images of {footprint}? (Yes is the healthy"
            " answer.)"
        )
        common: dict[str, Any] = {"question": question, "test": f"dose_{what}{f' [{base}]' if several else ''}"}
        common |= {"role": POSITIVE_CONTROL}
        if isinstance(trend, str):
            answer, why = CANNOT_TELL, [f"The trend could not be tested: {trend}."]
            evidence: dict[str, Any] = {}
        else:
            p, limit = min(1.0, float(adjusted[base, what])), max(map(abs, trend.change_ci95))
            floor = sets * len(made) * trend.p_smallest
            answer, why = decided(Evidence(p, floor, limit, room[what], points=True), settings["alpha"])
            unit = f"{'fraction' if what == 'fraction' else 'dipole'}, from no blur to {largest:g} arcsec"
            evidence = {"p_adjusted": p, "limit95": limit, "effect": Effect(trend.change, trend.change_ci95, unit)}
            steps = ", ".join(map(points_in_words, trend.means))
            order = "which rises or falls all the way" if trend.monotonic else "which does not rise or fall all the way"
            why = [*why, f"Means by rising dose: {steps} per cent, {order}."]
        answers.append(_of_dose(answer, f"{subject}{of_network}", largest, why, {**common, **evidence}))
    return answers


def _of_dose(answer: str, subject: str, largest: float, because: list[str], given: dict[str, Any]) -> Answer:
    subject = capital(subject)
    blur = f"a blur of the training images of up to {largest:g} arcsec"
    if answer == YES:
        change = given["effect"].value
        statement = f"{subject} follows {blur}, as it should: it changes by {with_points(change)}"
        return Answer(
            answer=answer,
            statement=statement,
            short=f"{subject} follows {blur}, as it should",
            because=because,
            **given,
        )
    if answer == NO:
        statement = f"{subject} does not follow {blur}: it changes by no more than {limit_in_points(given['limit95'])}"
        insensitive = "An effect of the seeing as large as this blur would not be found by this experiment either."
        return Answer(
            answer=answer,
            statement=statement,
            short=f"{subject} does not follow {blur}, though it should",
            because=[*because, insensitive],
            next=["Larger doses, or more training sets of that footprint."],
            **given,
        )
    return Answer(
        answer=answer,
        statement=f"Whether {subject[0].lower()}{subject[1:]} follows {blur} cannot be decided",
        short=f"Whether {subject[0].lower()}{subject[1:]} follows a blur cannot be decided",
        because=because,
        next=["More training sets of that footprint (replicates of its arm), or more doses."],
        **given,
    )


def _by_dose(runs: pd.DataFrame, networks: list[str]) -> dict[str, np.ndarray]:
    """Fraction, and dipole along the mean dipole where there are reference labels: (training sets, networks)."""
    of_networks = runs[runs["network"].isin(networks)]

    def table(column: str) -> np.ndarray:
        means = of_networks.pivot_table(
            index=["footprint", "resample"], columns="network", values=column, aggfunc="mean"
        )
        return means[networks].to_numpy()

    values = {"fraction": table("fraction")}
    if (of_networks["n_reference"] > 0).all() and np.isfinite(of_networks[REFERENCE_DIPOLE].to_numpy(float)).all():
        dipoles = np.stack([table(column) for column in REFERENCE_DIPOLE], axis=-1)
        mean = dipoles.mean(axis=(0, 1))
        values["pattern"] = dipoles @ (mean / np.linalg.norm(mean))
    return values
