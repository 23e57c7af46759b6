"""The answers of the probes: do the images carry the place, and do the features of the networks?"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workflow_scripts.answers.answer import CANNOT_TELL, NO, SECONDARY, YES, Answer, Effect
from workflow_scripts.answers.decision import Evidence, decided
from workflow_scripts.answers.wording import limit_in_words, size_in_words
from workflow_scripts.causes.probe_results import (
    COVARIATES,
    FeatureFindings,
    PixelFindings,
    feature_findings,
    pixel_findings,
)
from workflow_scripts.causes.probe_runs import pixel_runs
from workflow_scripts.images.pixel_controls import CORNERS, SCRAMBLED, WHOLE
from workflow_scripts.runs import listed_runs, paths_of_runs
from workflow_scripts.statistics.p_values import holm
from workflow_scripts.statistics.place_auc import NO_INFORMATION, r2_of_auc
from workflow_scripts.statistics.runs.shared_galaxies import NOT_KNOWN, OF_SEEDS, OF_SETS, NetworksMean

_SHOWN = {
    CORNERS: "blank sky in the corners of the images",
    SCRAMBLED: "the brightness of the pixels in any order",
    COVARIATES: "the catalog's imaging columns without any pixel",
}
_CARRIES = {CORNERS: "background and noise", SCRAMBLED: "the histogram of brightness"}
_SHAPE = "how the pixels of the galaxy are arranged (shape, sharpness)"
_SCATTER = {
    OF_SETS: [],
    OF_SEEDS: ["One training set a pair: the scatter between seeds stands in for that between training sets."],
    NOT_KNOWN: ["One network a pair: the scatter between networks is not in the interval."],
}


class Probe(NamedTuple):
    """The `answers` of an experiment's probes, and what they rest on: `entries`, and the `files` that were read."""

    entries: Mapping[str, Any]
    files: Sequence[str]
    answers: Sequence[Answer]


WITHOUT_PROBE = Probe({}, (), ())


def measured_probe(
    experiment: Mapping[str, Any],
    probe: Mapping[str, Any],
    scores: str,
    positions: str,
    training_sets: str,
    catalog: str,
) -> Probe:
    """The answers of an experiment's probes.

    Parameters
    ----------
    experiment
        with its `name`, `tests`, arms and footprints, as its own runs are measured with.
    probe
        as `probe_entries.probe_parameter` gives it: `size`, `shown`, `trained` and `features`.
    scores, positions, training_sets
        patterns of the files of a run (`probe_results`, `paths_of_runs`).
    catalog
        for the imaging columns.
    """
    runs = pixel_runs(experiment, probe["trained"])
    of_features = [run for run in listed_runs(experiment) if run["network"] in probe["features"]]
    files, refused = paths_of_runs(positions, of_features), []
    pixels: list[PixelFindings] = []
    features: list[FeatureFindings] = []
    if runs:
        try:
            columns = experiment["tests"]["templates"]
            pixels, used = pixel_findings(runs, probe["shown"], scores, training_sets, catalog, columns)
            files = [*used, *files]
        except ValueError as error:
            refused.append(_refused("Do the images carry the place?", "place_of_pixels", str(error)))
    if of_features:
        try:
            features = feature_findings(of_features, paths_of_runs(positions, of_features))
        except ValueError as error:
            refused.append(
                _refused("Do the features of the networks carry the place?", "place_of_features", str(error))
            )
    answers = probe_answers(pixels, features, probe["size"], experiment["tests"]["alpha"])
    entries = {"size": probe["size"], "pixels": [one.as_dict() for one in pixels]}
    entries |= {"features": [one.as_dict() for one in features]}
    return Probe(entries, files, [*answers, *refused])


def probe_answers(
    pixels: Sequence[PixelFindings], features: Sequence[FeatureFindings], size: float, alpha: float
) -> list[Answer]:
    """One answer for each network and probe; Holm's adjustment is over all of them.

    A no excludes an AUC of `size` for every pair of footprints, and the R^2 that belongs to it.
    """
    adjusted = holm([*(one.aucs[WHOLE].p for one in pixels), *(one.p for one in features)])
    several = len({*(one.network for one in pixels), *(one.network for one in features)}) > 1
    p = [float(one) for one in adjusted]
    return [
        *(_of_pixels(one, p[number], size, alpha, several) for number, one in enumerate(pixels)),
        *(
            _of_features(one, p[len(pixels) + number], len(adjusted), size, alpha, several)
            for number, one in enumerate(features)
        ),
    ]


def _of_pixels(found: PixelFindings, p: float, size: float, alpha: float, several: bool) -> Answer:
    whole = found.aucs[WHOLE]
    level = 1 - 0.05 / len(found.pairs)
    limit = NO_INFORMATION + max(one.limit_at(level) for one in found.pairs.values())
    evidence = Evidence(p, 0.0, limit, 1.0, of_interest=size, asks="the question is about an AUC of")
    answer, why = decided(evidence, alpha)
    tell = f"networks{f' ({found.network})' if several else ''} that are trained to tell opposite footprints apart"
    statement = {
        YES: f"The images carry the place: {tell} do so with a mean AUC of {_with_interval(whole)}",
        NO: f"The images do not carry the place: {tell} have an AUC below {limit_in_words(limit)} for every pair",
        CANNOT_TELL: f"Whether the images carry the place cannot be decided: {tell} have a mean AUC of"
        f" {_with_interval(whole)}",
    }[answer]
    best = max(found.pairs, key=lambda pair: found.pairs[pair].estimate)
    because = [*why, f"The AUC is largest for {best}: {_with_interval(found.pairs[best])}; 0.5 is no information."]
    if answer == YES:
        because += _carriers(found, alpha)
    if answer == NO:
        because.append("What such networks cannot see in so many galaxies cannot bias them by the place.")
    because += _SCATTER[whole.scatter_of]
    return Answer(
        f"Do the images carry the place{f' ({found.network})' if several else ''}?",
        f"place_of_pixels{f' [{found.network}]' if several else ''}",
        answer,
        statement,
        {
            YES: "The images carry the place",
            NO: "The images do not carry the place",
            CANNOT_TELL: "Whether the images carry the place cannot be decided",
        }[answer],
        effect=Effect(whole.estimate, whole.ci95, "AUC (0.5: no information)", f"largest for {best}"),
        p_adjusted=p,
        limit95=limit,
        because=because,
        next=["More annotated galaxies, or more training sets."] if answer == CANNOT_TELL else [],
        role=SECONDARY,
    )


def _carriers(found: PixelFindings, alpha: float) -> list[str]:
    """What was found with less than the whole images, and the sentence on what carries the place."""
    shown = {kind: one for kind, one in found.aucs.items() if kind != WHOLE}
    sentences = [f"{_SHOWN[kind]}: {_with_interval(one)}" for kind, one in shown.items()]
    sentences = [f"AUC with less than the whole images: {'; '.join(sentences)}."] if sentences else []
    parts = [kind for kind in _CARRIES if kind in shown]
    if parts:
        # The arrangement of pixels carries what no part of them has without it.
        beyond = max(found.less[kind].p for kind in parts)
        p = [float(one) for one in holm([*(shown[kind].p for kind in parts), beyond])]
        carrying = [_CARRIES[kind] for kind, one in zip(parts, p, strict=False) if one < alpha]
        carrying += [_SHAPE] if p[-1] < alpha else []
        sentences.append(f"It is carried by {_listed(carrying)}." if carrying else "What carries it is not decided.")
    if COVARIATES in shown:
        less = found.less[COVARIATES]
        if less.p < alpha:
            sentences.append(
                "The images know more of the place than these columns do (AUC larger by"
                f" {size_in_words(less.estimate)})."
            )
    elif found.without_covariates:
        sentences.append(f"Covariates alone were not tried: {found.without_covariates}.")
    return sentences


def _of_features(found: FeatureFindings, p: float, tests: int, size: float, alpha: float, several: bool) -> Answer:
    of_interest, limit = r2_of_auc(size), found.limit95
    evidence = Evidence(p, tests * found.p_smallest, limit, 1.0, of_interest=of_interest)
    answer, why = decided(evidence, alpha)
    what = f"the features of the networks{f' ({found.network})' if several else ''}"
    excess, (low, high) = found.excess, found.excess_ci95
    value = f"R² is {excess:.2g} (95 %: {low:.2g} to {high:.2g}) above that of exchanged blocks of sky"
    statement = {
        YES: f"Positions follow from {what}: {value}",
        NO: f"Positions do not follow from {what}: R² is less than {limit_in_words(limit)} above that of"
        " exchanged blocks of sky",
        CANNOT_TELL: f"Whether positions follow from {what} cannot be decided: {value}",
    }[answer]
    because = [
        *why,
        f"R² is {found.mean.estimate:.2g}, the mean of {found.mean.n_networks} networks on blocks of sky that were left"
        f" out, and {found.null_mean:.2g} with exchanged blocks: a prediction from nothing costs. An AUC of {size:g}"
        f" for hemispheres corresponds to {of_interest:.2g}.",
        *_SCATTER[found.mean.scatter_of],
    ]
    return Answer(
        f"Do {what} carry the place?",
        f"place_of_features{f' [{found.network}]' if several else ''}",
        answer,
        statement,
        {
            YES: "The networks' features carry the place",
            NO: "The networks' features do not carry the place",
            CANNOT_TELL: "Whether the networks' features carry the place cannot be decided",
        }[answer],
        effect=Effect(excess, (low, high), "R² of the position above that of exchanged blocks"),
        p_adjusted=p,
        limit95=limit,
        because=because,
        next=["More annotated galaxies."] if answer == CANNOT_TELL else [],
        role=SECONDARY,
    )


def _refused(question: str, test: str, reason: str) -> Answer:
    what = question[3:].rstrip("?")
    return Answer(
        question,
        test,
        CANNOT_TELL,
        f"Whether {what} was not tested",
        f"Whether {what} was not tested",
        because=[f"The test could not be made: {reason.removesuffix('.')}."],
        next=["More annotated galaxies, over more of the sky."],
        role=SECONDARY,
    )


def _with_interval(found: NetworksMean) -> str:
    return f"{found.estimate:.3f} ({found.ci95[0]:.3f} to {found.ci95[1]:.3f})"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
