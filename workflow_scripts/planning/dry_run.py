"""A dry run of Snakemake, as data: every job, whether it would run, and why.

Snakemake's public API runs a workflow but gives no jobs away. What skybias uses of its private and undocumented parts,
as seen in Snakemake 9.27 (test_dry_run.py, test_private_parts.py and tests/dag/test_plan.py notice when it changes):

* `snakemake.cli.parse_args` and `parse_config`: the command line with its profiles, as options;
* `WorkflowApi._workflow` and, of it, `dag`, `globals`, `global_resources`, `resource_scopes` and `rules`;
* of the DAG `jobs`, `needrun_jobs`, `reason`, `dependencies`; of a job `is_norun`, `rule`, `wildcards_dict`,
  `resources`;
* of a reason (`reasons.py`) the fields `forced`, `params_changed`, `code_changed`, `input_changed`,
  `software_stack_changed`, `_incomplete_output`, `_updated_input`, `_missing_output`;
* the texts `repr(parameter)` in which Snakemake records the parameters of a job;
* the columns of benchmark files with `benchmark-extended` (`costs.py`): the `resources` and `wildcards` of a job;
* in the Snakefile and rules/ `workflow.current_basedir`, `workflow.configfiles`, `workflow.config`,
  `workflow.is_main_process`, `workflow.config_settings.config_args`, `workflow.scheduler.exit_gracefully`, and of a
  module `workflow.modifier.is_main_snakefile` and `workflow.modifier.path_modifier.replace_prefix`;
* the fields `jobid`, `job_id`, `jobs`, `rule_name`, `done` and `log` of its log events (`failed_jobs.py`,
  `finished_run.py`, `running_line.py`), and of the workflow `dryrun`, `output_settings`, `resource_settings`.
"""

import argparse
import contextlib
import io
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snakemake.api import ApiError, SnakemakeApi
from snakemake.cli import parse_args, parse_config
from snakemake.exceptions import CliException, RuleException, WorkflowError
from snakemake.io import strip_wildcard_constraints
from snakemake.settings.enums import Quietness
from snakemake.settings.types import ConfigSettings, DAGSettings, ExecutionSettings, OutputSettings, ResourceSettings

from workflow_scripts.configuration.control_entries import files_of_runs
from workflow_scripts.configuration.derived_runs import remedies_of_experiment, versions_of_experiment
from workflow_scripts.configuration.experiment_designs import galaxies_of_experiment
from workflow_scripts.configuration.probe_entries import probe_files
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.errors import InputError
from workflow_scripts.planning.cluster_requests import Work, stated_work
from workflow_scripts.planning.reasons import changed_parameters, why_it_runs
from workflow_scripts.runs import runs_of_experiment

SNAKEFILE = Path(__file__).resolve().parents[2] / "Snakefile"
# Options of steps that are Snakemake's own.
_PASSED_ON = ("configfile", "config", "directory", "cores", "jobs", "profile")


@dataclass(frozen=True)
class PlannedJob:
    """One job. `needs` holds the numbers of the jobs whose outputs it reads; `why` is empty where nothing is to do."""

    number: int
    rule: str
    stage: str
    wildcards: Mapping[str, str]
    needs: tuple[int, ...]
    outputs: tuple[str, ...]
    threads: int
    resources: Mapping[str, int]
    work: Work
    why: tuple[str, ...]
    changes: tuple[str, ...]

    @property
    def to_do(self) -> bool:
        """Whether the job would run."""
        return bool(self.why)


@dataclass(frozen=True)
class DryRun:
    """What Snakemake would do.

    `jobs` are those that do something; `target_rules` more only name targets. `outputs` are the paths that the jobs of
    each rule write, with wildcards in braces. `cores` are this machine's, `limits` those of resources that all jobs
    share, and `slots` the jobs that a cluster runs at once, None without a cluster. `unknown_catalogs` have a number of
    galaxies that is unknown before they are fetched; `labelled` are those of which only labelled galaxies are used, and
    how many (None: not counted). `designs` are those of the active experiments, and `galaxies`, by
    the name of each, the footprints by their file of galaxies, and the ledger. `added` has, for `controls`, `why` and
    `remedies` and by the name of each experiment that asks for some, the files of its own runs, under "", and those of
    each kind that is asked for.
    `written` is the configuration as its files and options give it, `settings` the same with defaults filled in.
    """

    jobs: list[PlannedJob]
    target_rules: int
    outputs: Mapping[str, Sequence[str]]
    unknown_catalogs: list[str]
    config_files: list[str]
    directory: Path
    cores: int
    slots: int | None
    limits: Mapping[str, int]
    written: Mapping[str, Any]
    settings: Configuration
    labelled: Mapping[str, int | None] = field(default_factory=dict)
    designs: Sequence[Mapping[str, Any]] = ()
    galaxies: Mapping[str, tuple[Mapping[str, Sequence[str]], str]] = field(default_factory=dict)
    added: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]] = field(default_factory=dict)


def add_snakemake_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which configuration is meant, and where its results are."""
    parser.add_argument("--configfile", nargs="+", metavar="FILE", help="overlay config.yaml")
    parser.add_argument("--config", nargs="+", metavar="KEY=VALUE", help="overlay single keys")
    parser.add_argument("--directory", metavar="DIR", help="where results/ is, or will be; default: here")


def snakemake_options(arguments: argparse.Namespace) -> list[str]:
    """The part of a step's arguments that is for Snakemake, as its command line has it."""
    passed = []
    for option in _PASSED_ON:
        value = getattr(arguments, option, None)
        if value is not None:
            passed += [f"--{option}", *(value if isinstance(value, list) else [value])]
    return passed


def dry_run(arguments: Sequence[str]) -> DryRun:
    """Plan the workflow as `snakemake ARGUMENTS --dry-run` does, profiles included, and list its jobs.

    Parameters
    ----------
    arguments
        options and targets of the `snakemake` command line.

    Raises
    ------
    InputError
        for whatever Snakemake refuses: the configuration, a missing file of the user, an unknown target.
    """
    argv = ["--snakefile", str(SNAKEFILE), "--dry-run", *arguments]
    # Snakemake prints which profile it uses, on stderr; the sentence on a wrong option is its last line.
    with contextlib.redirect_stderr(io.StringIO()) as printed:
        try:
            _, options = parse_args(argv)
        except (SystemExit, CliException) as error:
            lines = printed.getvalue().strip().splitlines() or [str(error)]
            raise InputError(f"snakemake: {re.sub('^.*?error: ', '', lines[-1], flags=re.IGNORECASE)}") from None
    configured = _configured(options)
    try:
        return _planned(options, configured)
    except (WorkflowError, RuleException, ApiError) as error:
        raise InputError(_sentence(error)) from None


def _configured(options: Any) -> ConfigSettings:
    files = options.configfile or []
    try:
        return ConfigSettings(config=parse_config(options.config), configfiles=files, config_args=options.config)
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: does not exist, expected a configuration file") from None
    except WorkflowError as error:
        raise InputError(f"{' or '.join(map(str, files))}: {_sentence(error)}") from None
    except ValueError as error:
        raise InputError(f"--config: {error}") from None


def _planned(options: Any, configured: ConfigSettings) -> DryRun:
    here = Path.cwd()
    # Without an executor of a cluster, --jobs is another word for --cores.
    on_cluster = options.executor not in (None, "local")
    cores = options.cores or (None if on_cluster else options.jobs) or 1
    silent = OutputSettings(quiet={Quietness.ALL}, enable_file_logging=False, log_level_override=logging.CRITICAL)
    with SnakemakeApi(silent) as api:
        workflow_api = api.workflow(
            resource_settings=ResourceSettings(
                cores=cores,
                nodes=options.jobs,
                resources=options.resources,
                overwrite_threads=options.set_threads,
                overwrite_resources=options.set_resources,
                overwrite_resource_scopes=options.set_resource_scopes,
                default_resources=options.default_resources,
            ),
            config_settings=configured,
            snakefile=options.snakefile,
            workdir=options.directory,
        )
        dag_api = workflow_api.dag(
            DAGSettings(
                targets=options.targets,
                forcetargets=options.force,
                forceall=options.forceall,
                forcerun=options.forcerun,
                until=options.until,
                omit_from=options.omit_from,
                force_incomplete=options.rerun_incomplete,
                rerun_triggers=options.rerun_triggers,
                max_checksum_file_size=options.max_checksum_file_size,
            )
        )
        # Without the lock, so that a plan can be made beside a run.
        dag_api.execute_workflow(executor="dryrun", execution_settings=ExecutionSettings(lock=False))
        # Snakemake's API gives no jobs away but through its workflow object.
        workflow = workflow_api._workflow
        settings = workflow.globals["settings"]
        return DryRun(
            jobs=list(_jobs(workflow.dag)),
            target_rules=sum(job.is_norun for job in workflow.dag.needrun_jobs(exclude_finished=False)),
            outputs={
                rule.name: [strip_wildcard_constraints(str(path)) for path in rule.output] for rule in workflow.rules
            },
            unknown_catalogs=sorted(workflow.globals["sizes"].unknown_catalogs),
            labelled=workflow.globals["sizes"].labelled,
            config_files=[_shown(file, here) for file in workflow.globals["config_files"]],
            directory=(here / (options.directory or "")).resolve(),
            cores=cores,
            slots=options.jobs if on_cluster else None,
            limits=_limits(workflow, on_cluster),
            designs=[settings.design_parameter(name) for name in settings.active_experiments],
            galaxies={
                name: (
                    galaxies_of_experiment(settings, name),
                    f"results/cutouts/{settings.experiment(name)['survey']}/ledger.parquet",
                )
                for name in settings.active_experiments
            },
            added=_added_files(settings),
            written=workflow.globals["config"],
            settings=settings,
        )


def _added_files(settings: Configuration) -> dict[str, dict[str, dict[str, list[str]]]]:
    """What the active experiments ask for beside their own runs, as `DryRun.added`."""
    added: dict[str, dict[str, dict[str, list[str]]]] = {"controls": {}, "why": {}, "remedies": {}}
    for name in settings.active_experiments:
        survey = settings.names_in_paths(name)["survey"]
        own = [*files_of_runs(settings.runs(name), survey), f"results/bias/{name}/balance.csv"]
        kinds = {
            "controls": {
                kind: files_of_runs(runs_of_experiment(listed), survey)
                for kind, listed in settings.experiment(name)["controls"].items()
            },
            "why": {
                "probe": probe_files(settings, name),
                "counterfactual": [f"results/causes/{name}/shares.json"] * bool(versions_of_experiment(settings, name)),
            },
            "remedies": {
                remedy: [f"results/remedies/{name}/{remedy}/score.json"]
                for remedy in remedies_of_experiment(settings, name)
            },
        }
        for what, files in kinds.items():
            if asked := {kind: made for kind, made in files.items() if made}:
                added[what][name] = {"": own, **asked}
    return added


def _limits(workflow: Any, on_cluster: bool) -> dict[str, int]:
    """Limits of the resources by name; those of one machine do not count on a cluster."""
    return {
        name: resource.value
        for name, resource in workflow.global_resources.items()
        if name not in ("_cores", "_nodes")
        and isinstance(resource.value, int)
        and not (on_cluster and workflow.resource_scopes.is_local(name))
    }


def _jobs(dag: Any) -> Iterator[PlannedJob]:
    listed = {job: number for number, job in enumerate(job for job in dag.jobs if not job.is_norun)}
    running = set(dag.needrun_jobs(exclude_finished=False))
    for job, number in listed.items():
        reason = dag.reason(job) if job in running else None
        yield PlannedJob(
            number=number,
            rule=job.rule.name,
            stage=Path(job.rule.snakefile).stem,
            wildcards=dict(job.wildcards_dict),
            needs=tuple(sorted(listed[other] for other in dag.dependencies[job] if other in listed)),
            outputs=tuple(str(path) for path in job.output),
            threads=int(job.threads),
            resources={name: value for name, value in job.resources.items() if isinstance(value, int)},
            work=stated_work(job.rule.name, dict(job.resources.items())),
            why=() if reason is None else why_it_runs(reason),
            changes=() if reason is None else changed_parameters(reason.params_changed),
        )


def _sentence(error: Exception) -> str:
    """The error of Snakemake in one line, without the place in the rules."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if "affected files:" in lines:
        files = ", ".join(lines[lines.index("affected files:") + 1 :])
        return f"{files}: does not exist, and nothing makes it; expected the file ({lines[0].rstrip(':').lower()})"
    # Raised while a rule looks for its inputs: what follows is a traceback.
    if of_rule := [line for line in lines if line.startswith("InputError: ")]:
        return of_rule[0].removeprefix("InputError: ")
    return " ".join(lines) or type(error).__name__


def _shown(path: str | Path, here: Path) -> str:
    path = here / path
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
