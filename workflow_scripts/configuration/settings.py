"""The configuration as rules and steps read it."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.catalogs.formats import LABEL_KEYS, SIMULATED_COLUMNS
from workflow_scripts.class_against_rest import two_classes
from workflow_scripts.configuration.expansion import moc_paths
from workflow_scripts.configuration.experiment_designs import DESIGN_KEYS, design_of
from workflow_scripts.configuration.parameters import as_options, as_parameter
from workflow_scripts.configuration.program_networks import files_of_network
from workflow_scripts.configuration.references import table_suffix
from workflow_scripts.configuration.run_patterns import file_of_run, is_pattern
from workflow_scripts.configuration.validation import suggestion
from workflow_scripts.errors import InputError
from workflow_scripts.runs import Run, runs_of_experiment
from workflow_scripts.surveys.registry import catalog_columns, folder_digest, half_width_arcsec, kind_of

Entry = dict[str, Any]

# What is put into a simulated sky.
_TRUTH_KEYS = ("classes", "galaxies", "imaging", "labels")
# What simulate_sky reads of a simulated catalog; the rest concerns the steps that come after it.
_SKY_KEYS = ("source", "n_galaxies", "seed", *_TRUTH_KEYS)
# What query_catalog reads of a catalog that a service gives.
_QUERY_KEYS = ("source", "url", "query", "sql", "key")
# What decides which rows there are, and how they come.
_ROWS_KEYS = (
    *("galaxies", "imaging", "labels", "path", "url", "sha256", "max_bytes"),
    *("query", "sql", "key", "page_rows", "queries_per_minute", "asynchronous"),
)

# How the table of a catalog is read.
_READING_KEYS = ("format", "hdu", "position_unit", "frame", "select", "missing")


class Configuration:
    """A valid configuration. Entries come back complete, as plain dicts that `as_parameter` turns into text.

    A `*_parameter` method leaves out what cannot change the content of the step that gets it, so that touching a key
    reruns only the stages that read it.
    """

    def __init__(self, completed: Entry, footprints: Mapping[str, Entry], resolved: Entry):
        self.completed = completed
        # With every default, and without what is derived from it: it can be loaded again.
        self.resolved = resolved
        self._footprints = footprints
        # Names of the experiments and audits to make.
        self.active_experiments: list[str] = completed["active_experiments"]
        self.active_audits: list[str] = completed["active_audits"]
        # Whether training and annotating request a GPU.
        self.gpu: bool = completed["gpu"]["enabled"]
        # Address of the user, sent to public services with every request; None for none.
        self.contact: str | None = completed["contact"]

    def experiments_of_survey(self, survey: str) -> list[str]:
        """The active experiments that use a survey, or that from which it is rendered anew to train again."""
        own = self._entry("surveys", survey).get("retrained_of", survey)
        return [name for name in self.active_experiments if self._entry("experiments", name)["survey"] == own]

    def catalog(self, name: str) -> Entry:
        """A catalog with the number of galaxies to keep (`sample`, None for all)."""
        return {**self._entry("catalogs", name), "sample": self.completed["sample"]}

    def sky_parameter(self, name: str) -> Entry:
        """What a simulated sky is drawn from: a catalog without hygiene, split and sample."""
        return {key: value for key, value in self._entry("catalogs", name).items() if key in _SKY_KEYS}

    def query_parameter(self, name: str) -> Entry:
        """What the response of a catalog service depends on."""
        return {key: value for key, value in self._entry("catalogs", name).items() if key in _QUERY_KEYS}

    def query_limits(self, name: str) -> list[str]:
        """Access limits of a catalog service, which do not change its response, as options of query_catalog."""
        entry = self._entry("catalogs", name)
        return as_options({key: entry.get(key) for key in ("page_rows", "queries_per_minute", "asynchronous")})

    def catalog_source(self, name: str) -> str:
        """The table that a catalog is made from: the user's, or what the step before made or fetched."""
        entry = self._entry("catalogs", name)
        if entry["source"] == "file":
            return entry["path"]
        if entry["source"] == "url":
            return f"results/catalog/{name}/download{table_suffix(entry['url']) or '.' + entry['format']}"
        return f"results/catalog/{name}/{'truth' if entry['source'] == 'simulated' else 'answer'}.parquet"

    def table_state(self, path: str | None) -> str:
        """Digest of names and sizes, where a table of the user is a folder of files; else empty."""
        return folder_digest(path) if path and Path(path).is_dir() else ""

    def download_options(self, name: str) -> list[str]:
        """What a downloaded table depends on, as options of download_catalog."""
        entry = self._entry("catalogs", name)
        return as_options({"url": entry["url"], "sha256": entry["sha256"].lower()})

    def catalog_parameter(self, name: str) -> Entry:
        """How rows become a catalog: without what only decides which rows there are, and reaches it as rows."""
        # What a mirror does to the classes concerns networks alone (`control_entries.trained_network`).
        entry = {key: value for key, value in self.catalog(name).items() if key not in (*_ROWS_KEYS, "mirror")}
        if entry["split"]["radius_arcsec"] is None:
            surveys = (survey for survey in self.completed["surveys"].values() if survey["catalog"] == name)
            entry["split"] = {**entry["split"], "radius_arcsec": max(map(half_width_arcsec, surveys), default=0.0)}
        return entry

    def galaxies_file(self, survey: str, footprint: str, also: Sequence[str] = ()) -> str:
        """What training sets and annotations read of a catalog; its name has the covariates that these match in.

        Those of a stratum have the columns of the imaging, too, and `also` names more.
        """
        entry = self.footprint(footprint)
        columns = {*(entry["matching"]["bins"] or {}), *entry.get("stratum", {}).get("columns", []), *also}
        matched = "".join(f"-{name}" for name in sorted(columns))
        if "shuffled" in entry:
            return f"results/training/{survey}/shuffled_sky{entry['shuffled']}/galaxies{matched}.parquet"
        return f"results/catalog/{self.survey(survey)['catalog']}/galaxies{matched}.parquet"

    def galaxies_parameter(self, catalog: str, covariates: Sequence[str]) -> Entry:
        """What training sets depend on of a catalog, if they match in these covariates.

        Raises `InputError` for one that the catalog has not.
        """
        entry = self.catalog_parameter(catalog)
        known = {name: name for name in SIMULATED_COLUMNS} if entry.get("columns") is None else entry["columns"]
        used = ["source_id", "ra", "dec", "label", *covariates]
        if missing := [name for name in covariates if name not in known]:
            others = [name for name in known if name not in ("source_id", "label")]
            raise InputError(
                f"matchings: bins are in '{missing[0]}', which catalogs.{catalog}.columns has not"
                f"{suggestion(missing[0], others)}"
            )
        return {**entry, "columns": {name: known[name] for name in used if name in known}}

    def survey(self, name: str) -> Entry:
        """A survey."""
        return self._entry("surveys", name)

    def survey_parameter(self, name: str) -> Entry:
        """What a cutout depends on: a survey without access limits and the tolerated share of failures."""
        kept_out = ("max_failed_share", "catalog", "access", "coverage", "version_of", "retrained_of")
        return {key: value for key, value in self.survey(name).items() if key not in kept_out}

    def access_options(self, survey: str) -> list[str]:
        """Access limits of a service, which change no image, as options of fetch_cutouts; empty for other surveys."""
        entry = self.survey(survey)
        if "access" not in entry:
            return []
        return ["--access", as_parameter(entry["access"]), "--contact", self.contact or ""]

    def correction_parameter(self, experiment: str) -> Entry:
        """How an experiment is corrected: `{"arm", "method", "nside"}`; empty where it is not."""
        return dict(self.experiment(experiment)["correction"] or {})

    def audit_correction(self, audit: str) -> Entry:
        """How an audited catalog is corrected: `{"method", "nside", "labelled_at_random"}`; empty where it is not."""
        return dict(self.audit(audit)["correction"] or {})

    def data_parameter(self, experiment: str) -> Entry:
        """The keys of survey (None: none) and catalog that a page speaks of: whom to credit, and what was put in."""
        name, catalog = self.experiment(experiment)["survey"], self.catalog(self.catalog_of(experiment))
        survey = self.survey(name) if name else None
        return {
            "survey": survey and {key: survey[key] for key in ("kind", "layer") if key in survey},
            "catalog": {key: catalog[key] for key in _QUERY_KEYS[:4] if key in catalog}
            | ({key: catalog[key] for key in _TRUTH_KEYS} if catalog["source"] == "simulated" else {}),
        }

    def positions_parameter(self, survey: str) -> Entry:
        """What a survey's requests depend on of its catalog: labels only where galaxies without one are dropped."""
        entry = self.survey(survey)
        catalog = self.catalog(entry["catalog"])
        used = ["source_id", "ra", "dec"]
        given = {name: name for name in used} if catalog["source"] == "simulated" else catalog["columns"]
        of_labels = LABEL_KEYS if catalog.get("unlabelled") == "drop" else ()
        used += [*(["label"] if of_labels else []), *catalog_columns(entry)]
        return {
            "columns": {name: given[name] for name in used if name in given},
            "source": catalog["source"],
            **{name: catalog.get(name) for name in (*_READING_KEYS, *of_labels)},
            "hygiene": catalog["hygiene"],
            "sample": catalog["sample"],
            # A version shows what is annotated alone.
            **({"split": self.catalog_parameter(entry["catalog"])["split"]} if "version_of" in entry else {}),
        }

    def coverage_parameter(self, survey: str) -> Entry:
        """Which coverage map is fetched for a survey: `{"hips", "order", "url"}`."""
        return {key: self.survey(survey)["coverage"][key] for key in ("hips", "order", "url")}

    def coverage_file(self, survey: str) -> str | None:
        """The coverage map of a survey, the user's or one that is fetched; None where it has none."""
        coverage = self.survey(survey).get("coverage")
        if not coverage:
            return None
        return coverage.get("moc") or f"results/cutouts/{survey}/coverage.fits"

    def images_state(self, survey: str) -> str:
        """Digest of names and sizes, where a survey's images are the files of a folder; else empty."""
        entry = self.survey(survey)
        return "".join(folder_digest(path) for path in kind_of(entry).files(entry).values() if Path(path).is_dir())

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

    def network_of_run(self, run: Mapping[str, Any]) -> Entry:
        """The network of a run; of finished models that each run has of its own, with that of the run as `path`."""
        entry = self.network(run["network"])
        if is_pattern(entry.get("path")):
            entry["path"] = file_of_run(entry["path"], run)
        return entry

    def network_files(self, run: Mapping[str, Any]) -> list[str]:
        """The user's model or weights that a run starts from, or the files of the program that its network is."""
        return files_of_network(self.network_of_run(run))

    def footprint(self, name: str) -> Entry:
        """A footprint or member of a family, resolved: `{"name", "region", "matching", "family", "axis"}`.

        Those of controls and remedies have more (`control_runs.controls_of`, `remedy_runs.remedies_of`).
        """
        return _found(self._footprints, "footprints", name)

    def footprint_region(self, name: str) -> Entry:
        """The part of a footprint that its map depends on: `{"name", "region"}`."""
        return {key: self.footprint(name)[key] for key in ("name", "region")}

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
        return entry if (entry["matching"] or {}).get("disjoint") else {**entry, "family": None}

    def names_in_paths(self, experiment: str) -> dict[str, str]:
        """`{"survey", "catalog", "recipe"}` of an experiment; the recipe is that of its first network.

        Given annotations have no images, and are kept in a folder of the experiment among those of surveys.
        """
        survey, catalog = self._entry("experiments", experiment)["survey"], self.catalog_of(experiment)
        if survey is None:
            return {"survey": f"given/{experiment}", "catalog": catalog, "recipe": ""}
        recipe = self.network(self.runs(experiment)[0].network)["recipe"]
        return {"survey": survey, "catalog": catalog, "recipe": recipe}

    def trains(self, experiment: str) -> bool:
        """Whether the networks of an experiment are made here, and not only their annotations given."""
        return self._entry("experiments", experiment)["annotations"] is None

    def catalog_of(self, experiment: str) -> str:
        """Name of the catalog whose galaxies an experiment annotates."""
        entry = self._entry("experiments", experiment)
        name: str = entry["catalog"] or self.survey(entry["survey"])["catalog"]
        return name

    def runs(self, experiment: str) -> list[Run]:
        """The runs of an experiment, each once, in a fixed order."""
        return runs_of_experiment(self._entry("experiments", experiment))

    def training_sets(self, experiment: str) -> list[tuple[str, int]]:
        """Footprint and resample of every training set of an experiment, each once, in the order of its runs."""
        return list(dict.fromkeys((run.footprint, run.resample) for run in self.runs(experiment)))

    def shown_training_sets(self, experiment: str) -> list[tuple[str, int]]:
        """The training sets from which example galaxies are shown: those of opposite footprints, or the first."""
        drawn = self.training_sets(experiment)
        first = dict(reversed(drawn))
        opposite = self._entry("experiments", experiment)["opposite"]
        shown = [name for pair in opposite for name in pair] or [drawn[0][0]]
        return [(name, first[name]) for name in dict.fromkeys(shown)]

    def training_set_files(self, experiment: str, shown: bool = False) -> list[str]:
        """The files of every training set of an experiment, or of those from which example galaxies are shown."""
        if not self.trains(experiment):
            return []
        survey = self._entry("experiments", experiment)["survey"]
        drawn = self.shown_training_sets(experiment) if shown else self.training_sets(experiment)
        return [f"results/training/{survey}/{name}/resample{number}/training_set.parquet" for name, number in drawn]

    def experiment(self, name: str) -> Entry:
        """An experiment without references, in the form from which `listed_runs` lists its runs, and its figures.

        The footprints of its `arms` are members of families; `footprints` has `axis` and `family` of each. Of a catalog
        with more than two `classes`, they are those of `one_class` (`class_against_rest`).
        """
        entry = self._entry("experiments", name)
        catalog = self._entry("catalogs", self.catalog_of(name))
        named = {"name": name, "simulated": catalog["source"] == "simulated"}
        named |= {"classes": two_classes(entry, catalog["classes"]), "footprints": self.directions(self.runs(name))}
        return {**entry, **named}

    def directions(self, runs: Sequence[Run]) -> dict[str, Entry]:
        """`axis` and name of the `family` of each footprint of the runs."""
        found = {footprint: self.footprint(footprint) for footprint in dict.fromkeys(run.footprint for run in runs)}
        return {
            name: {"axis": entry["axis"], "family": (entry["family"] or {}).get("name")}
            for name, entry in found.items()
        }

    def bias_parameter(self, experiment: str) -> Entry:
        """What the statistics of an experiment depend on."""
        entry = self.experiment(experiment)
        others = ("figures", "description", "controls", "why", "remedies", "correction", "catalog", *DESIGN_KEYS)
        if given := entry.pop("annotations"):
            # How they are read concerns the step before; their names are for messages.
            entry["annotations"] = {"path": given["path"]}
        return {key: value for key, value in entry.items() if key not in others}

    def design_parameter(self, experiment: str) -> Entry:
        """What decides whether an experiment can be answered, as `design_of` gives it."""
        return design_of(self.experiment(experiment), self.footprint)

    def figures_parameter(self, experiment: str) -> Entry:
        """What the figures of an experiment depend on, beside the tables that they show."""
        entry = self.experiment(experiment)
        return {**{key: entry[key] for key in ("name", "description", "simulated")}, **entry["figures"]}

    def audit(self, name: str) -> Entry:
        """An audit."""
        return self._entry("audits", name)

    def audited_tables(self, name: str) -> dict[str, str | None]:
        """The tables of an audit, by key: `path`, and `compare`, None where there is no other."""
        entry = self.audit(name)
        other = entry["compare"]
        return {"path": entry["path"], "compare": other["path"] if isinstance(other, Mapping) else other}

    def audit_options(self, name: str) -> list[str]:
        """The options of an audit, and of its correction, as command lines take them; none are null or empty."""
        entry = self.audit(name)
        del entry["correction"], entry["titles_in_pdf"]
        other = entry["compare"]
        if isinstance(other, Mapping):
            entry |= {f"compare_{key}": value for key, value in other.items() if key != "path"}
            entry |= {"compare": other["path"], "compare_rest": bool(other["rest"])}
        return as_options({key: value for key, value in entry.items() if key != "path"})

    def audit_figure_options(self, name: str) -> list[str]:
        """The options of an audit that concern its figures alone."""
        return [] if self.audit(name)["titles_in_pdf"] else ["--no-titles-in-pdf"]

    def _entry(self, registry: str, name: str) -> Entry:
        return _found(self.completed[registry], registry, name)


def _found(entries: Mapping[str, Any], registry: str, name: str) -> Any:
    if name not in entries:
        raise InputError(f"configuration: '{name}' is not in {registry}{suggestion(name, entries)}")
    return copy.deepcopy(entries[name])
