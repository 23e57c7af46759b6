"""What rules and steps read of the controls of an experiment (`control_runs.controls_of` makes them)."""

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.configuration.program_networks import is_program
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.networks.mirrored_classes import positions_averaged
from workflow_scripts.runs import Run, runs_of_experiment


def runs_of_controls(settings: Configuration, experiment: str) -> list[Run]:
    """The runs of all controls of an experiment, each once; some of them may be its own, too."""
    controls = settings.experiment(experiment)["controls"].values()
    return list(dict.fromkeys(run for control in controls for run in runs_of_experiment(control)))


def files_of_controls(settings: Configuration, experiment: str) -> list[str]:
    """The annotations and training sets of the controls of an experiment."""
    return files_of_runs(runs_of_controls(settings, experiment), settings.experiment(experiment)["survey"])


def files_of_runs(runs: Sequence[Run], survey: str) -> list[str]:
    """The annotations and training sets of runs on a survey, each once."""
    annotations = [f"results/inference/{survey}/{run.run_id}/annotations.parquet" for run in runs]
    drawn = dict.fromkeys((run.footprint, run.resample) for run in runs)
    sets = [f"results/training/{survey}/{name}/resample{number}/training_set.parquet" for name, number in drawn]
    return list(dict.fromkeys([*annotations, *sets]))


def controls_parameter(settings: Configuration, experiment: str) -> dict[str, Any]:
    """The controls of an experiment by kind, each in the form from which `listed_runs` lists its runs."""
    return {
        kind: {**control, "footprints": settings.directions(runs_of_experiment(control))}
        for kind, control in settings.experiment(experiment)["controls"].items()
    }


def trained_network(settings: Configuration, survey: str, run: Mapping[str, Any]) -> dict[str, Any]:
    """The network of a run as it is trained on a survey's images: a blur is in pixels of its recipe, `blur_fwhm_px`.

    One whose images are degraded while training has the scale of its pixels, `arcsec_per_px`. What a mirror does to the
    classes of the survey's catalog is in it where that is not nothing, as `mirror`.
    """
    entry = _on_classes(settings, survey, settings.network_of_run(run))
    for key in ("mirror_average", "average"):
        entry.pop(key, None)
    blur = entry.pop("blur_fwhm_arcsec", None)
    degrades = entry.get("augmentation", {}).get("degrade")
    if blur or degrades:
        cutout, recipe = settings.survey(survey)["cutout"], settings.recipe(entry["recipe"])
        width = cutout["size_px"] * cutout["pixel_scale_arcsec"] * recipe["crop_fraction"]
        if blur:
            entry["blur_fwhm_px"] = blur / width * recipe["size_px"]
        if degrades:
            entry["arcsec_per_px"] = width / recipe["size_px"]
    return entry


def annotating_network(settings: Configuration, survey: str, network: str) -> dict[str, Any]:
    """A network as it annotates images of a survey: with `mirror`, as in `trained_network`, where it averages."""
    entry = settings.network(network)
    entry.pop("version_of", None)
    return _on_classes(settings, survey, entry) if averages_mirror(settings, network) else entry


def averages_mirror(settings: Configuration, network: str) -> bool:
    """Whether a network annotates with the mean over an image and its mirror image, or over its orientations."""
    return positions_averaged(settings.network(network)) > 1


def _on_classes(settings: Configuration, survey: str, entry: dict[str, Any]) -> dict[str, Any]:
    mirror = settings.catalog(settings.survey(survey)["catalog"])["mirror"]
    return entry if mirror == "unchanged" or is_program(entry) else {**entry, "mirror": mirror}
