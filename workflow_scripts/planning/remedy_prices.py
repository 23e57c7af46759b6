"""What each remedy of an experiment costs, in core seconds, by the shipped costs alone: the same on every machine."""

from collections.abc import Iterable

from workflow_scripts.configuration.derived_runs import (
    remedies_of_experiment,
    runs_of_remedy,
    unlabelled_set,
)
from workflow_scripts.configuration.program_networks import is_program
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.networks.mirrored_classes import positions_averaged
from workflow_scripts.planning.cluster_requests import Work, cost_of, shipped_cost
from workflow_scripts.planning.work import WorkSizes
from workflow_scripts.runs import Run

# Of the prices, those of the runs of the experiment itself.
UNTREATED = "untreated"


def remedy_prices(settings: Configuration, sizes: WorkSizes, experiment: str) -> dict[str, float]:
    """Core seconds that each remedy adds, by name, and those of the runs without any, as `untreated`.

    Counted are training sets, trainings, annotations, images that only the remedy has, and its score.
    """
    survey, own = settings.experiment(experiment)["survey"], settings.runs(experiment)
    known = _recipes(settings, own)
    prices = {UNTREATED: _of_runs(settings, sizes, survey, own, set())}
    for name, remedy in remedies_of_experiment(settings, experiment).items():
        new = [run for run in runs_of_remedy(settings, experiment, remedy) if run not in own]
        drawn = {(run.footprint, run.resample) for run in own}
        price = _of_runs(settings, sizes, survey, new, drawn)
        price += sum(_of_images(sizes, settings, survey) for _ in _recipes(settings, new) - known)
        prices[name] = price + _seconds("score_remedy", sizes.annotations_of_remedy(experiment, name))
    return {name: round(price, 1) for name, price in prices.items()}


def _seconds(kind: str, size: float = 1) -> float:
    return cost_of(Work(kind, size), shipped_cost(kind).lines).seconds


def _recipes(settings: Configuration, runs: Iterable[Run]) -> set[str]:
    return {settings.network(run.network)["recipe"] for run in runs}


def _of_runs(
    settings: Configuration, sizes: WorkSizes, survey: str, runs: Iterable[Run], drawn: set[tuple[str, int]]
) -> float:
    """Core seconds of runs, of which some training sets are `drawn` anyway (footprint and resample)."""
    price, sets, unlabelled = 0.0, set(), set()
    for run in runs:
        network = settings.network(run.network)
        sets |= {(run.footprint, run.resample)} - drawn
        unlabelled |= set(unlabelled_set(settings, survey, run.footprint, run.network, str(run.resample)))
        pixels = sizes.annotated_galaxies(survey) * sizes.pixels_of_input(run.network)
        if is_program(network):
            trained = _seconds("train_program", sizes.training_images(run.footprint, run.network))
            annotated = _seconds("annotate_program", pixels)
        else:
            # A version annotates with a model that is there.
            architecture = sizes.trained_architecture(run.network)
            trained = _seconds(f"train {architecture}", sizes.training_pixels(run.footprint, run.network))
            trained = 0.0 if "version_of" in network else trained
            annotated = pixels * positions_averaged(settings.network(run.network))
            annotated = _seconds(f"annotate {network['architecture']}", annotated)
        price += network["threads"] * (trained + annotated)
    return price + (len(sets) + len(unlabelled)) * _seconds("draw_training_set", sizes.galaxies_of_survey(survey))


def _of_images(sizes: WorkSizes, settings: Configuration, survey: str) -> float:
    """Core seconds of the images of a survey by one more recipe, which makes them alike."""
    tiles = [sizes.images_of_tile(survey, tile) for tile in settings.tiles(survey)]
    each = sum(_seconds(kind, images) for kind in ("prepare_images", "measure_imaging") for images in tiles)
    return each + sum(_seconds(kind, sum(tiles)) for kind in ("find_common_imaging", "index_images"))
