"""The configuration as the rules and steps ask for it."""

import copy
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from workflow_scripts.configuration.expansion import expand_footprints, members_of_families, moc_paths
from workflow_scripts.configuration.references import check_references
from workflow_scripts.configuration.validation import suggestion, validated
from workflow_scripts.errors import InputError
from workflow_scripts.runs import Run, members_of_arm, runs_of_experiment

Entry = dict[str, Any]

# What simulate_sky reads of a simulated catalog; the rest concerns the steps that come after it.
_SKY_KEYS = ("source", "n_galaxies", "seed", "classes", "galaxies", "imaging", "labels")


def load(config: Mapping[str, Any], files: Sequence[str | Path] = ()) -> "Configuration":
    """Validate the merged configuration (`config`, from `files` in that order) and fill in the defaults.

    Raises
    ------
    InputError
        for the first mistake found: one sentence with the file, the key, what was found and what was expected.
    """
    completed = validated(config, files)
    footprints = expand_footprints(completed["footprints"], completed["matchings"], files)
    families = members_of_families(completed["footprints"])
    check_references(completed, families, list(footprints), files)
    return Configuration(completed, footprints, families)


class Configuration:
    """A valid configuration. Entries come back complete, as plain dicts that `as_parameter` turns into text.

    A `*_parameter` method leaves out what cannot change the content of the step that gets it, so that touching a key
    reruns only the stages that read it.
    """

    def __init__(self, completed: Entry, footprints: Mapping[str, Entry], families: Mapping[str, list[str]]):
        self.completed = completed
        self.families = dict(families)
        self._footprints = dict(footprints)

    @property
    def active_experiments(self) -> list[str]:
        """Names of the experiments to make."""
        return list(self.completed["active_experiments"])

    @property
    def active_audits(self) -> list[str]:
        """Names of the audits to make."""
        return list(self.completed["active_audits"])

    @property
    def gpu(self) -> bool:
        """Whether training and annotating ask for a GPU."""
        return self.completed["gpu"]["enabled"]

    @cached_property
    def footprint_names(self) -> list[str]:
        """Names of all footprints, families expanded."""
        return list(self._footprints)

    def catalog(self, name: str) -> Entry:
        """A catalog with the number of galaxies to keep (`sample`, None for all)."""
        return {**self._entry("catalogs", name), "sample": self.completed["sample"]}

    def sky_parameter(self, name: str) -> Entry:
        """What a simulated sky is drawn from: a catalog without hygiene, split and sample."""
        entry = self._entry("catalogs", name)
        return {key: entry[key] for key in _SKY_KEYS if key in entry}

    def catalog_parameter(self, name: str) -> Entry:
        """How rows become a catalog: for a simulated one without the sky's own settings, which reach it as rows."""
        entry = self.catalog(name)
        return {key: value for key, value in entry.items() if key not in ("galaxies", "imaging", "labels", "path")}

    def survey(self, name: str) -> Entry:
        """A survey."""
        return self._entry("surveys", name)

    def survey_parameter(self, name: str) -> Entry:
        """What a cutout depends on: a survey without the share of failures that is put up with."""
        return {key: value for key, value in self.survey(name).items() if key not in ("max_failed_share", "catalog")}

    def tiles(self, survey: str) -> range:
        """Numbers of a survey's tiles: nested HEALPix pixels of order `tile_order`, or `equal_tiles` runs of them."""
        entry = self.survey(survey)
        return range(entry.get("equal_tiles") or 12 * 4 ** entry["tile_order"])

    def recipe(self, name: str) -> Entry:
        """A recipe."""
        return self._entry("recipes", name)

    def network(self, name: str) -> Entry:
        """A network."""
        return self._entry("networks", name)

    def footprint(self, name: str) -> Entry:
        """A footprint or member of a family, resolved: `{"name", "region", "matching", "family", "axis"}`."""
        return _found(self._footprints, "footprints", name)

    def footprint_region(self, name: str) -> Entry:
        """The part of a footprint that its map depends on: `{"name", "region"}`."""
        footprint = self.footprint(name)
        return {"name": footprint["name"], "region": footprint["region"]}

    def moc_files(self, footprint: str) -> list[str]:
        """The files that the region of a footprint, or of the family it shares the pool with, is made of."""
        entry = self.training_set_parameter(footprint)
        regions = [entry["region"], *(entry["family"]["regions"] if entry["family"] else [])]
        return list(dict.fromkeys(path for region in regions for path in moc_paths(region)))

    def training_set_parameter(self, footprint: str) -> Entry:
        """What a training set depends on: `{"name", "region", "matching", "family"}`.

        The family counts only where its members share out the training pool: otherwise a new member changes no other.
        """
        entry = self.footprint(footprint)
        del entry["axis"]
        return entry if entry["matching"]["disjoint"] else {**entry, "family": None}

    def runs(self, experiment: str) -> list[Run]:
        """The runs of an experiment, each once, in a fixed order."""
        return runs_of_experiment(self._entry("experiments", experiment), self.families)

    def experiment(self, name: str) -> Entry:
        """An experiment without references, in the form from which `listed_runs` lists its runs, and its figures.

        The footprints of its `arms` are members of families, not families; `footprints` gives `axis` and `family` of
        each.
        """
        entry = self._entry("experiments", name)
        catalog = self._entry("catalogs", self.survey(entry["survey"])["catalog"])
        return {
            "name": name,
            "description": entry["description"],
            "survey": entry["survey"],
            "classes": catalog["classes"],
            "arms": {
                name: {**arm, "footprints": members_of_arm(arm, self.families)} for name, arm in entry["arms"].items()
            },
            "footprints": {run.footprint: self._direction(run.footprint) for run in self.runs(name)},
            "opposite": entry["opposite"],
            "tests": entry["tests"],
            "figures": entry["figures"],
        }

    def bias_parameter(self, experiment: str) -> Entry:
        """What the statistics of an experiment depend on."""
        entry = self.experiment(experiment)
        return {key: value for key, value in entry.items() if key not in ("figures", "description")}

    def figures_parameter(self, experiment: str) -> Entry:
        """What the figures of an experiment depend on, beside the tables that they show."""
        entry = self.experiment(experiment)
        return {"name": experiment, "description": entry["description"], **entry["figures"]}

    def audit(self, name: str) -> Entry:
        """An audit."""
        return self._entry("audits", name)

    def audit_options(self, name: str) -> list[str]:
        """The options of an audit as its command line takes them, without those that are null or empty."""
        options = []
        for key, value in self.audit(name).items():
            if key in ("path", "compare") or value is None or value == []:
                continue
            texts = [_text(item) for item in (value if isinstance(value, list) else [value])]
            options += [f"--{key.replace('_', '-')}", *texts]
        return options

    def _direction(self, footprint: str) -> Entry:
        entry = self.footprint(footprint)
        return {"axis": entry["axis"], "family": entry["family"]["name"] if entry["family"] else None}

    def _entry(self, registry: str, name: str) -> Entry:
        return _found(self.completed[registry], registry, name)


def _text(value: Any) -> str:
    """A value of the configuration as one would type it: 1.0 and 1 are the same class."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _found(entries: Mapping[str, Any], registry: str, name: str) -> Any:
    if name not in entries:
        raise InputError(f"configuration: '{name}' is not in {registry}{suggestion(name, list(entries))}")
    return copy.deepcopy(entries[name])
