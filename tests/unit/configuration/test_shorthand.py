"""`like` and `replicates`: the same configuration for every rule as in full, and mistakes in one sentence."""

import pytest
import yaml

from tests.unit.configuration.test_validation_sentences import BASE, merged, sentence
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.configuration.sources import overlay

PAIRED = "{resamples: [0, 1, 2], seeds: [0, 1, 2], combine: paired}"
SHORTER = "{resamples: [0, 1], seeds: [2, 3], combine: paired}"


def loaded(overlaid: str) -> Configuration:
    return load(merged(yaml.safe_load(BASE), yaml.safe_load(overlaid)))


def of_halves(draws: str) -> str:
    return f"experiments: {{default: {{arms: {{halves: {draws}}}}}}}"


def test_replicates_are_the_same_parameters_as_in_full():
    short, full = loaded(of_halves("{replicates: 3}")), loaded(of_halves(PAIRED))
    assert as_parameter(short.experiment("default")) == as_parameter(full.experiment("default"))
    assert short.runs("default") == full.runs("default")
    assert short.completed == full.completed
    draws = [(run.resample, run.seed) for run in short.runs("default") if run.footprint == "north"]
    assert draws == [(0, 0), (1, 1), (2, 2)]


def test_replicates_that_are_null_are_not_given():
    assert loaded(of_halves("{replicates: null, seeds: [4]}")).completed == loaded(of_halves("{seeds: [4]}")).completed


@pytest.mark.parametrize(
    ("first", "second", "full"),
    [
        (
            "{replicates: 6}",
            "{resamples: [0, 1], seeds: [0, 1]}",
            "{resamples: [0, 1], seeds: [0, 1], combine: paired}",
        ),
        ("{resamples: [3], seeds: [4, 5]}", "{replicates: 3}", PAIRED),
        ("{replicates: 6}", "{replicates: 3}", PAIRED),
        ("{replicates: 3}", "{seeds: [7, 8, 9]}", "{resamples: [0, 1, 2], seeds: [7, 8, 9], combine: paired}"),
    ],
)
def test_of_two_files_the_later_form_counts(tmp_path, first, second, full):
    files = [tmp_path / "first.yaml", tmp_path / "second.yaml"]
    for file, draws in zip(files, (first, second), strict=True):
        file.write_text(of_halves(draws))
    both = overlay(yaml.safe_load(of_halves(first)), yaml.safe_load(of_halves(second)))
    assert load(merged(yaml.safe_load(BASE), both), files).completed == loaded(of_halves(full)).completed


def test_an_experiment_like_another_may_draw_in_the_other_form():
    """Arms of the other experiment are overlaid in full, whichever form they have there."""
    own = "experiments: {other: {like: default, arms: {halves: {seeds: [7, 8], resamples: [0, 1]}}}}"
    short = merged(yaml.safe_load(of_halves("{replicates: 3}")), yaml.safe_load(own))
    arm = load(merged(yaml.safe_load(BASE), short)).experiment("other")["arms"]["halves"]
    assert (arm["resamples"], arm["seeds"], arm["combine"]) == ([0, 1], [7, 8], "paired")


def test_an_experiment_like_another_shares_its_runs():
    settings = loaded(
        "{surveys: {second: {kind: simulated, catalog: sky}},"
        " experiments: {other: {like: default, survey: second, tests: {alpha: 0.05}}}}"
    )
    first, other = settings.experiment("default"), settings.experiment("other")
    assert settings.runs("other") == settings.runs("default")
    assert other["tests"] == {**first["tests"], "alpha": 0.05}
    differing = {key for key in first if first[key] != other[key]}
    assert differing == {"name", "survey", "tests"}


def test_every_registry_has_likes_through_others_too():
    settings = loaded(
        "networks: {wide: {like: narrow, epochs: 4}, narrow: {like: lenet5, batch_size: 8, optimizer: {name: sgd}}}"
    )
    plain, wide = settings.network("lenet5"), settings.network("wide")
    assert wide == {**plain, "epochs": 4, "batch_size": 8, "optimizer": {**plain["optimizer"], "name": "sgd"}}
    assert "like" not in wide


@pytest.mark.parametrize(
    ("overlaid", "expected"),
    [
        (of_halves("{replicates: 0}"), "experiments.default.arms.halves.replicates is 0, expected at least 1"),
        (of_halves("{replicates: 2000}"), "halves.replicates is 2000, expected at most 1000"),
        (of_halves("{replicates: [0, 1]}"), "halves.replicates is a list, expected a whole number or null"),
        (of_halves("{replicates: true}"), "halves.replicates is true, expected a whole number or null"),
        (of_halves("{replicate: 3}"), "unknown key 'replicate'; did you mean 'replicates'?"),
        (
            of_halves("{replicates: 2, seeds: [1], combine: paired}"),
            "experiments.default.arms.halves has replicates and seeds and combine, expected one or the other",
        ),
        ("experiments: {x: {like: defalt}}", "experiments.x.like is 'defalt', which is not in experiments; did you"),
        ("experiments: {x: {like: [default]}}", "experiments.x.like is not text, expected the name of another entry"),
        ("experiments: {x: {like: x}}", "experiments.x.like closes a circle: x -> x"),
        ("recipes: {a: {like: b}, b: {like: a}}", "recipes.b.like closes a circle: a -> b -> a"),
        ("experiments: {x: {lik: default}}", "experiments.x has the unknown key 'lik'; did you mean 'like'?"),
        ("networks: {x: {like: lenet5, epochs: 0}}", "networks.x.epochs is 0, expected at least 1"),
    ],
)
def test_mistakes_in_short_forms(overlaid, expected):
    assert expected in sentence(overlaid)
