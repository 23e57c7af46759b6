# What all rules use: the validated configuration, the names in paths, and the environment of the steps. No rules.
import os
import shlex
import sys

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

if not CHECKOUT.is_dir():
    raise WorkflowError(f"{CHECKOUT}: skybias runs its steps from a checkout; clone it and name the Snakefile in it")
sys.path.insert(0, str(CHECKOUT))

from workflow_scripts.catalogs.formats import matching_files
from workflow_scripts.code_closure import code_digest
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_options, as_parameter, readable
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.configuration.user_files import check_user_files
from workflow_scripts.configuration.control_entries import (
    annotating_network,
    controls_parameter,
    files_of_controls,
    trained_network,
)
from workflow_scripts.catalogs.seeing_columns import SEEING_COLUMN
from workflow_scripts.configuration.derived_runs import (
    active_images,
    columns_of_training,
    counterfactual_parameter,
    files_of_remedy,
    files_of_versions,
    remedies_of_experiment,
    remedy_parameter,
    unlabelled_set,
    versions_of_experiment,
)
from workflow_scripts.configuration.experiment_designs import (
    galaxies_of_experiment,
    mapped_footprints,
    mocs_of_experiment,
    outlined_footprints,
)
from workflow_scripts.configuration.given_annotations import collection_parameter, given_table
from workflow_scripts.configuration.given_models import trial_parameter, trials, trials_of_survey, tried_files
from workflow_scripts.configuration.probe_entries import (
    FEATURES,
    SCORES,
    mocs_of_footprints,
    probe_files,
    probe_parameter,
    probed_footprints,
    probed_network,
)
from workflow_scripts.configuration.program_networks import model_file, names_of_programs
from workflow_scripts.configuration.remedy_runs import REMEDIES
from workflow_scripts.configuration.sources import all_sources, refuse_repeated_options
from workflow_scripts.errors import InputError
from workflow_scripts.failed_jobs import FailedJobs
from workflow_scripts.figures.figure_list import FIGURE_GROUPS, FIGURES_OF_CAUSES, FIGURES_OF_PAGE
from workflow_scripts.networks.mirrored_classes import positions_averaged
from workflow_scripts.finished_run import FinishedRun, opening_of_report
from workflow_scripts.planning.cluster_requests import cluster_request
from workflow_scripts.planning.remedy_prices import remedy_prices
from workflow_scripts.planning.work import WorkSizes
from workflow_scripts.running_line import show_running_line
from workflow_scripts.scheduler_timers import without_timers
from workflow_scripts.surveys.registry import kind_of
from workflow_scripts.whole_file import check_output_folder

# The steps are modules of this checkout run by the Python that runs Snakemake, wherever the working directory is.
# (With `--sdm conda`, the rule's environment comes first in PATH again.) Python would look for modules in the working
# directory first, where another checkout may lie, or a user's own script that is called like one of the library.
os.environ.update(
    PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    PYTHONSAFEPATH="1",
    PYTHONPATH=os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH", "")])),
)

# Where the `prefix:` of a module puts a path. Snakemake moves inputs, outputs and logs by itself, but no parameters.
placed = workflow.modifier.path_modifier.replace_prefix

# Snakemake lists the files of --configfile before the default, which they overlay.
config_files = [*workflow.configfiles[-1:], *workflow.configfiles[:-1]]

try:
    refuse_repeated_options(sys.argv)
    imported_as = None if workflow.modifier.is_main_snakefile() else __name__
    config, sources = all_sources(
        config,
        [CHECKOUT / "config.yaml"] if imported_as else config_files,
        workflow.config_settings.config_args,
        imported_as,
    )
    settings = load(config, sources)
    check_user_files(settings, sources)
    # Jobs sent to a cluster read this file, too, and need not look at the regions again.
    if workflow.is_main_process:
        from workflow_scripts.answers.designs import check_designs

        designs = [settings.design_parameter(name) for name in settings.active_experiments]
        for sentence in check_designs(designs, sources):
            logger.warning(sentence)
    for folder in ("results/", "logs/", "benchmarks/"):
        check_output_folder(placed(folder))
except InputError as error:
    raise WorkflowError(str(error)) from None

# What rules state the size of their work with.
sizes = WorkSizes(settings)

# Jobs sent to a cluster read this file, too: theirs is no run of its own.
if workflow.is_main_process and not any(isinstance(handler, FailedJobs) for handler in logger.handlers):
    failed_jobs = FailedJobs(stop=lambda: workflow.scheduler.exit_gracefully())
    logger.addHandler(failed_jobs)
    finished_run = FinishedRun()
    logger.addHandler(finished_run)
    show_running_line(workflow, logger)


wildcard_constraints:
    **dict.fromkeys(["catalog", "survey", "recipe", "footprint", "network", "experiment", "audit"], r"[A-Za-z]\w*"),
    **dict.fromkeys(["tile", "resample", "seed", "mocks"], r"\d+"),


def code(step):
    """Digest of what a step's program means: its module and all it imports from this checkout, without comments."""
    return code_digest(f"workflow_scripts.{step}", CHECKOUT)


def entry(part, of):
    """Params function: what a step reads of the configuration (`part` names it) for a wildcard, as one JSON string."""
    return lambda wildcards: as_parameter(getattr(settings, part)(wildcards[of]))


def in_words(described):
    """Params function for messages: an entry as people read it.

    Since it takes the input, Snakemake does not compare it with earlier runs: the JSON beside it decides on that.
    """
    return lambda wildcards, input: readable(described(wildcards))


# Networks that are programs of the user's have rules of their own. A pattern that nothing matches where there is none.
OF_PROGRAMS = "|".join(names_of_programs(settings.completed["networks"])) or "(?!)"
OF_KERAS = rf"(?!(?:{OF_PROGRAMS})/)[A-Za-z]\w*"


def device_option(wildcards, input):
    """Params function: what training and annotation are called with where they have a graphics card.

    Since it takes the input, it decides nothing: like threads and memory, a card is where a job runs, and what was made
    without one stays.
    """
    return "--gpu" if settings.gpu else ""


def galaxies_of_footprint(wildcards):
    """Input function: the galaxies that a footprint's training sets are drawn from and its runs annotate."""
    return settings.galaxies_file(wildcards.survey, wildcards.footprint)


def galaxies_of_training(wildcards):
    """Input function: the same, with what a network that is trained on it needs of the imaging."""
    columns = columns_of_training(settings, wildcards.network)
    return settings.galaxies_file(wildcards.survey, wildcards.footprint, columns)


def designs_checked(wildcards):
    """Input function: `after_designs` of the model of a run."""
    model = "results/training/{survey}/{footprint}/{network}/resample{resample}_seed{seed}/"
    model += model_file(settings.network(wildcards.network))
    return after_designs(wildcards.survey, model.format(**wildcards))


def after_designs(survey, made):
    """The file that says that the designs of a survey's experiments have been checked, for a training that makes `made`.

    A trained network has it among its inputs, always under the same path, but does not depend on the job that makes it:
    else Snakemake would train it again with every change of an experiment. (`ancient` alone does not do: jobs downstream
    of one that runs are not looked at for reasons of their own, so that new networks would be left out.)
    """
    path = f"results/training/{survey}/designs_checked"
    trained = all(Path(placed(file)).exists() for file in (path, made))
    return before_update(ancient(path)) if trained else path


def of_recipe(filename):
    """Input function: a file of the images that a network sees."""
    return lambda wildcards: "results/images/{}/{}/{}".format(
        wildcards.survey, settings.network(wildcards.network)["recipe"], filename
    )


def of_training(filename):
    """Input function: a file of the training whose model annotates; of a version, that of what it is a version of."""

    def trained(wildcards):
        survey, network = (
            found.get("version_of", name)
            for name, found in (
                (wildcards.survey, settings.survey(wildcards.survey)),
                (wildcards.network, settings.network(wildcards.network)),
            )
        )
        names = {**wildcards, "survey": survey, "network": network}
        return f"results/training/{{survey}}/{{footprint}}/{filename}".format(**names)

    return trained


def imaging_of_recipe(wildcards):
    """Input function: the imaging of all images of a survey, for a recipe that makes them alike."""
    common = settings.recipe(wildcards.recipe).get("common")
    return f"results/causes/{wildcards.survey}/{wildcards.recipe}/imaging.parquet" if common else []


def seeing_of_recipe(wildcards):
    """Input function: the seeing of every galaxy, for a recipe that makes images alike in it."""
    alike = "seeing" in settings.recipe(wildcards.recipe).get("common", [])
    catalog = settings.survey(wildcards.survey)["catalog"]
    return f"results/catalog/{catalog}/galaxies-{SEEING_COLUMN}.parquet" if alike else []


def scale_option(survey):
    """The pixel scale of a survey's images as an option, where it is one number."""
    scale = settings.survey(survey).get("cutout", {}).get("pixel_scale_arcsec")
    return f"--pixel-scale {scale}" if isinstance(scale, float) else ""


def where_asked(asked, path):
    """Input function: a file of an experiment, or of an audit, where its entry asks for what it holds.

    `asked` tells, by the settings and a name: causes, remedies, a correction.
    """

    def file(wildcards):
        (name,) = wildcards
        return path.format(**wildcards) if asked(settings, name) else []

    return file


def catalog_of_correction(wildcards):
    """Input function: the catalog of an experiment that asks for a correction, which needs imaging or labels of it."""
    asked = settings.correction_parameter(wildcards.experiment)
    return f"results/catalog/{settings.catalog_of(wildcards.experiment)}/catalog.parquet" if asked else []


def ledger_of_strata(wildcards):
    """Input function: which galaxies of the training pool have an image, for the propensities of strata."""
    survey = remedy_parameter(settings, wildcards.experiment, wildcards.remedy)["survey"]
    return f"results/cutouts/{survey}/ledger.parquet" if wildcards.remedy == "strata" else []


def truth_of_experiment(wildcards):
    """Input function: the galaxies of a simulated sky with their true classes; nothing of another catalog."""
    catalog = settings.catalog_of(wildcards.experiment)
    return source_of(catalog) if settings.catalog(catalog)["source"] == "simulated" else []


def of_tiles(pattern):
    """Input function: one file for every tile of a survey."""
    return lambda wildcards: expand(pattern, tile=settings.tiles(wildcards.survey), allow_missing=True)


def of_experiment(pattern):
    """Input or params function: `pattern` with the survey of an experiment, its catalog, and the recipe of its images.

    What stands in double braces is left for the step to fill in.
    """
    return lambda wildcards: pattern.format(**settings.names_in_paths(wildcards.experiment))


def of_runs(pattern):
    """Input function: one file for every run of an experiment, in the order in which the experiment lists them."""
    return lambda wildcards: expand(
        of_experiment(pattern)(wildcards), run_id=[run.run_id for run in settings.runs(wildcards.experiment)]
    )


def where_trained(function):
    """Input or params function: what `function` gives of an experiment whose networks are trained here, else nothing."""
    return lambda wildcards: function(wildcards) if settings.trains(wildcards.experiment) else []


def option_where_trained(option, pattern):
    """Params function: an option of a step with what trainings made, by a pattern; nothing of annotations given.

    Patterns, because a command line has no room for the files of a thousand runs.
    """
    path = of_experiment(placed(pattern))
    return lambda wildcards: shlex.join([option, path(wildcards)]) if settings.trains(wildcards.experiment) else ""


def options_of_probe(experiment):
    """Options of the step that measures: the probe of an experiment and where its results are; nothing without one."""
    if not (probe := probe_parameter(settings, experiment)):
        return ""
    survey = settings.experiment(experiment)["survey"]
    files = {"--probed-pixels": SCORES, "--probed-features": FEATURES}
    patterns = [(option, placed(path).replace("{survey}", survey)) for option, path in files.items()]
    return shlex.join(["--probe", as_parameter(probe), *(word for pair in patterns for word in pair)])


def of_the_user(files):
    """A file of the user, or several: unlike results, they stay where they are under the `prefix:` of a module."""
    return local(files) if isinstance(files, str) else [local(file) for file in files]


def table_of_the_user(path):
    """A table of the user: a file, the files of a pattern, or a folder, whose date does not depend on what is in it."""
    if path and Path(path).is_dir():
        return ancient(local(path))
    return of_the_user(matching_files(path) if path and "*" in path else path or [])


def source_of(catalog):
    """The table that a catalog is made from: the user's, or what the step before made or fetched."""
    source = settings.catalog_source(catalog)
    return table_of_the_user(source) if settings.catalog(catalog)["source"] == "file" else source


def table_params(catalog):
    """Params of rules that read the table of a catalog: its path as the step has it, and the state of a folder."""

    def path(wildcards, input):
        entry = settings.catalog(catalog(wildcards))
        return entry["path"] if entry["source"] == "file" else str(input[0])

    return {
        "table": path,
        "state": lambda wildcards: settings.table_state(settings.catalog(catalog(wildcards)).get("path")),
    }


def survey_sources(wildcards):
    """What a survey reads beside the catalog: the simulated sky, the user's images, or the coverage map of a service.

    The date of a folder does not depend on the files in it: `images_state` does.
    """
    survey = settings.survey(wildcards.survey)
    files = {
        option: path if option == "truth" else of_the_user(path)
        for option, path in kind_of(survey).files(survey).items()
    }
    if coverage := settings.coverage_file(wildcards.survey):
        files["coverage"] = of_the_user(coverage) if survey["coverage"]["moc"] else coverage
    return {option: ancient(path) if Path(path).is_dir() else path for option, path in files.items()}


def figures_beside_page(experiment):
    """A figure of each step whose figures the page does not show: of images, and of regions, where there are some."""
    names = ["gallery"] * settings.trains(experiment) + ["footprints"] * bool(mapped_footprints(settings, experiment))
    return expand("results/report/{experiment}/figures/{name}.png", experiment=experiment, name=names)


def pages_of_run():
    """Name, summary and page of all that a run makes: the active experiments and audits."""
    made = [
        (name, "results/bias/{}/summary.json", "results/report/{}/verdict.html") for name in settings.active_experiments
    ]
    made += [(name, "results/audit/{}/summary.json", "results/audit/{}/audit.html") for name in settings.active_audits]
    return [(name, placed(summary.format(name)), placed(page.format(name))) for name, summary, page in made]


# The report opens with the answers that are there; of a workflow its template sees nothing but the configuration.
if "--report" in sys.argv:
    workflow.config["opening"] = opening_of_report(pages_of_run())


def figures(step, suffix="png"):
    """The figures that a step draws: PNG, each shown in the report, or PDF, for print."""
    category, names = FIGURE_GROUPS[step]
    files = []
    for name in names:
        files.append(f"results/report/{{experiment}}/figures/{name}.{suffix}")
        if suffix == "png":
            labels = {"experiment": "{experiment}", "figure": name.replace("_", " ")}
            files[-1] = report(
                files[-1], category=category, labels=labels, caption=f"../workflow_scripts/pages/captions/{name}.rst"
            )
    return files
