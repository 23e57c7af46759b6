# skybias: does the part of the sky a galaxy classifier was trained on change the catalog it produces?
#
#   catalog -> cutouts -> images -> training -> inference -> bias -> report
#
# Each stage has one file in rules/, which can be read alone; results/ and logs/ are laid out by stage.
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

# The folder of this file, also where another workflow imports it with `module`.
CHECKOUT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True))


# The default experiment; `--configfile experiments/NAME.yaml` overlays it. Named from this file, so that the workflow
# also runs from another folder (`snakemake -s path/to/Snakefile --directory my_analysis`).
configfile: CHECKOUT / "config.yaml"


report: "rules/report/workflow.rst"


include: "rules/common.smk"
include: "rules/catalog.smk"
include: "rules/cutouts.smk"
include: "rules/images.smk"
include: "rules/training.smk"
include: "rules/inference.smk"
include: "rules/causes.smk"
include: "rules/remedies.smk"
include: "rules/bias.smk"
include: "rules/report.smk"
include: "rules/audit.smk"
include: "rules/correction.smk"
include: "rules/calibration.smk"


rule all:
    default_target: imported_as is None
    input:
        expand(
            [
                "results/bias/{experiment}/summary.json",
                "results/report/{experiment}/verdict.html",
                "results/report/{experiment}/figures/sigma_and_p.png",
                "results/report/{experiment}/figures/difference_map.png",
            ],
            experiment=settings.active_experiments,
        ),
        [figures_beside_page(experiment) for experiment in settings.active_experiments],
        expand("results/audit/{audit}/summary.json", audit=settings.active_audits),
        trials(settings),
    localrule: True


onstart:
    without_timers(workflow)


# The sentences of failed jobs, and what a cluster wants that refuses jobs, are the last lines printed.
onsuccess:
    finished_run.done(pages_of_run())


onerror:
    failed_jobs.advise(log)
