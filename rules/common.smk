# What every rule uses: the validated configuration, the names in paths, and the environment of the steps. No rules.
import os
import sys

from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)

from workflow_scripts.configuration import as_parameter, code_digest, load
from workflow_scripts.errors import InputError

# The steps are modules of this checkout run by the Python that runs Snakemake, wherever the working directory is.
# (With `--sdm conda`, the rule's environment comes first in PATH again.)
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [workflow.basedir, os.environ.get("PYTHONPATH", "")]))

try:
    settings = load(config)
except InputError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    catalog=r"[A-Za-z]\w*",
    survey=r"[A-Za-z]\w*",
    recipe=r"[A-Za-z]\w*",
    footprint=r"[A-Za-z]\w*",
    network=r"[A-Za-z]\w*",
    experiment=r"[A-Za-z]\w*",
    tile=r"\d+",
    resample=r"\d+",
    seed=r"\d+",


def code(step):
    """Digest of what a step's program means: its module and all it imports from this checkout, without comments."""
    return code_digest(f"workflow_scripts.{step}", workflow.basedir)


def entry(part, of):
    """Params function: what a step reads of the configuration (`part` names it) for a wildcard, as one JSON string."""
    return lambda wildcards: as_parameter(getattr(settings, part)(wildcards[of]))


def of_catalog(filename):
    """Input function: a file of the catalog that a survey's cutouts are made for."""
    return lambda wildcards: f"results/catalog/{settings.survey(wildcards.survey)['catalog']}/{filename}"


def of_recipe(filename):
    """Input function: a file of the images that a network sees."""
    return lambda wildcards: "results/images/{}/{}/{}".format(
        wildcards.survey, settings.network(wildcards.network)["recipe"], filename
    )


def of_tiles(pattern):
    """Input function: one file for every tile of a survey."""
    return lambda wildcards: expand(pattern, tile=settings.tiles(wildcards.survey), allow_missing=True)


def of_runs(pattern):
    """Input function: one file for every run of an experiment, in the order in which the experiment lists them."""

    def paths(wildcards):
        survey = settings.experiment(wildcards.experiment)["survey"]
        return [pattern.format(survey=survey, run=run.run_id) for run in settings.runs(wildcards.experiment)]

    return paths


def of_training_sets(filename):
    """Input function: one file for every training set (footprint and resample) of an experiment."""

    def paths(wildcards):
        survey = settings.experiment(wildcards.experiment)["survey"]
        sets = dict.fromkeys((run.footprint, run.resample) for run in settings.runs(wildcards.experiment))
        return [f"results/training/{survey}/{footprint}/resample{r}/{filename}" for footprint, r in sets]

    return paths


def of_footprints(pattern):
    """Input function: one file for every footprint of an experiment."""
    return lambda wildcards: expand(
        pattern, footprint=dict.fromkeys(run.footprint for run in settings.runs(wildcards.experiment))
    )


def network_threads(wildcards):
    return settings.network(wildcards.network)["threads"]


def network_gpus(wildcards):
    return 1 if settings.gpu else 0
