"""The configuration as it is loaded: checked, completed, its families expanded, what it implies added."""

import copy
from collections.abc import Mapping
from typing import Any

from workflow_scripts.configuration.control_runs import controls_of
from workflow_scripts.configuration.counterfactual_versions import counterfactual_of
from workflow_scripts.configuration.expansion import expand_footprints
from workflow_scripts.configuration.experiments_by_class import split_by_class
from workflow_scripts.configuration.given_annotations import complete_experiment
from workflow_scripts.configuration.probe_entries import check_probe
from workflow_scripts.configuration.program_networks import check_program_networks, without_keras_keys
from workflow_scripts.configuration.references import check_images, check_references, members_of_arm
from workflow_scripts.configuration.remedy_runs import add_unlabelled, check_training_images, remedies_of
from workflow_scripts.configuration.run_patterns import files_of_runs_by_pattern, is_pattern
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.configuration.shorthand import written_out
from workflow_scripts.configuration.sources import ConfigSources, check_repeated_keys, named_sources
from workflow_scripts.configuration.validation import validated
from workflow_scripts.runs import runs_of_experiment


def load(config: Mapping[str, Any], files: ConfigSources = ()) -> Configuration:
    """Validate the merged configuration (`config`, from `files` in that order) and fill in the defaults.

    Raises
    ------
    InputError
        for the first mistake found: one sentence with the file, the key, what was found and what was expected.
    """
    check_repeated_keys(files)
    with named_sources(files):
        written = written_out(config, files)
        completed = validated(written)
        check_program_networks(written.get("networks"))
        completed["networks"] = without_keras_keys(completed["networks"])
        resolved = copy.deepcopy(completed)
        for matching in completed["matchings"].values():
            # A sample of the galaxies gives the smaller training sets that matchings name for it.
            if (of_sample := matching.pop("per_class_of_sample")) and completed["sample"]:
                matching["per_class"] = of_sample
        footprints, families = expand_footprints(completed["footprints"], completed["matchings"])
        check_references(completed, families, footprints)
        for experiment in completed["experiments"].values():
            for arm in experiment["arms"].values():
                arm["footprints"] = members_of_arm(arm, families)
        for name, experiment in completed["experiments"].items():
            counterfactual = counterfactual_of(name, experiment, completed)
            experiment["remedies"] = remedies_of(name, experiment, completed, footprints)
            if experiment["annotations"]:
                complete_experiment(name, experiment, completed["catalogs"])
                continue
            check_probe(name, experiment, footprints, completed["networks"])
            experiment["controls"] = controls_of(name, experiment, footprints, completed["networks"])
            experiment["why"]["counterfactual"] = counterfactual
            check_images(name, experiment, completed)
            check_training_images(name, experiment, completed)
            runs = runs_of_experiment(experiment)
            for network in dict.fromkeys(run.network for run in runs):
                if is_pattern(pattern := completed["networks"][network].get("path")):
                    own = (run for run in runs if run.network == network)
                    files_of_runs_by_pattern(("networks", network, "path"), pattern, own)
        add_unlabelled(completed["experiments"], completed, footprints)
        split_by_class(completed)
    configuration = Configuration(completed, footprints, resolved)
    for experiment in map(configuration.experiment, filter(configuration.trains, configuration.active_experiments)):
        # Training sets match in what the catalog has.
        catalog = configuration.survey(experiment["survey"])["catalog"]
        for footprint in experiment["footprints"]:
            bins = configuration.footprint(footprint)["matching"]["bins"]
            configuration.galaxies_parameter(catalog, list(bins or {}))
    return configuration
