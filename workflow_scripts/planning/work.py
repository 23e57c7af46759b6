"""How much work a job has, in the unit that its time grows with, told from the configuration alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pyarrow.parquet as pq
from astropy.io import fits

from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.surveys.bricks.geometry import NUMBER_OF_BRICKS, bricks_of
from workflow_scripts.surveys.registry import is_downloaded, kind_of, pixels_of_cutout, requests_of_cutout

# Unit of the size of each rule's work; rules that are not here always have the same work.
UNITS = {
    "simulate_sky": "galaxies",
    "make_catalog": "galaxies",
    "list_positions": "galaxies",
    "fetch_cutouts": "galaxies",
    "collect_ledger": "galaxies",
    "prepare_images": "galaxies",
    "index_images": "galaxies",
    "draw_training_set": "galaxies",
    "train": "galaxies x epochs x pixels",
    "annotate": "galaxies x pixels",
    "measure_bias": "runs x galaxies",
    "draw_runs": "runs",
    "draw_galaxies": "runs x galaxies",
    "draw_sky_maps": "galaxies",
    "draw_footprints": "footprints",
    "audit": "bytes",
}
# Of a brick in one band, about.
_BYTES_OF_BRICK = 10e6


class NamedJob(Protocol):
    """What the size of a job's work is told from."""

    @property
    def rule(self) -> str:
        """Name of its rule."""

    @property
    def wildcards(self) -> Mapping[str, str]:
        """Values of the wildcards by name."""


@dataclass(frozen=True)
class Work:
    """`kind` names jobs whose cost follows one line (a rule, with its survey's kind or its network's architecture).

    Time and memory grow with `size`, bytes written with `written` (which is `size` where None). `least_seconds` is how
    long the limits of a service make it last, whatever the machine. `requests` and `received_bytes` are what is
    downloaded: as many bytes as are written, where None.
    """

    kind: str
    size: float
    written: float | None = None
    least_seconds: float = 0.0
    requests: float = 0.0
    received_bytes: float | None = None


class WorkOfJobs:
    """Sizes of the jobs of a configuration."""

    def __init__(self, settings: Configuration, directory: Path):
        """`directory` is where the paths in the configuration start.

        `unknown` gathers the catalogs whose number of galaxies nobody knows before they are fetched: they count as
        empty, or as large as the sample that is asked for.
        """
        self.settings = settings
        self.directory = directory
        self.unknown: set[str] = set()
        self._galaxies = cache(self._counted_galaxies)
        self._bricks = cache(number_of_bricks)

    def of(self, job: NamedJob) -> Work:
        """The work of a job; a rule that is not known here has size 1."""
        names = job.wildcards
        match job.rule:
            case "simulate_sky" | "make_catalog":
                return Work(job.rule, self._galaxies(names["catalog"]))
            case "fetch_cutouts":
                return self._fetching(names)
            case "prepare_images":
                recipe, galaxies = self.settings.recipe(names["recipe"]), self._images_of_tile(names)
                return Work(job.rule, galaxies, galaxies * recipe["size_px"] ** 2 * recipe["channels"])
            case "list_positions" | "collect_ledger" | "draw_training_set":
                return Work(job.rule, self._galaxies(self.settings.survey(names["survey"])["catalog"]))
            case "index_images":
                return Work(job.rule, self._images(names["survey"]))
            case "train":
                return self._training(names)
            case "annotate":
                network = self.settings.network(names["network"])
                size = self._annotated(names["survey"]) * self._pixels(network)
                return Work(f"annotate {network['architecture']}", size)
            case "measure_bias" | "draw_galaxies":
                experiment = self.settings.experiment(names["experiment"])
                size = len(self.settings.runs(names["experiment"])) * self._annotated(experiment["survey"])
                return Work(job.rule, size)
            case "draw_runs":
                return Work(job.rule, len(self.settings.runs(names["experiment"])))
            case "draw_footprints":
                return Work(job.rule, len({run.footprint for run in self.settings.runs(names["experiment"])}))
            case "draw_sky_maps":
                survey = self.settings.experiment(names["experiment"])["survey"]
                return Work(job.rule, self._galaxies(self.settings.survey(survey)["catalog"]))
            case "audit":
                return Work(job.rule, self._file_size(self.settings.audit(names["audit"])["path"]))
        return Work(job.rule, 1)

    def is_downloaded(self, survey: str) -> bool:
        """Whether a survey's pixels come from elsewhere."""
        return is_downloaded(self.settings.survey(survey))

    def is_uncounted(self, survey: str) -> bool:
        """Whether nobody knows yet how many galaxies a survey will be asked for: all of a catalog that is not there."""
        catalog = self.settings.survey(survey)["catalog"]
        return catalog in self.unknown and not self.settings.catalog(catalog)["sample"]

    def _fetching(self, names: Mapping[str, str]) -> Work:
        survey = self.settings.survey(names["survey"])
        requests = self._images_of_tile(names) * requests_of_cutout(survey)
        rate = survey.get("access", {}).get("requests_per_second")
        if kind_of(survey).cuts_whole_files:
            bands = len(survey["bands"])
            files = bands * self._bricks_of_tile(names["survey"], requests)
            written = requests * pixels_of_cutout(survey) * bands
            seconds = files / rate if rate else 0.0
            return Work(f"fetch_cutouts {survey['kind']}", requests, written, seconds, files, files * _BYTES_OF_BRICK)
        return Work(
            f"fetch_cutouts {survey['kind']}",
            requests,
            requests * pixels_of_cutout(survey),
            requests / rate if rate else 0.0,
            requests if self.is_downloaded(names["survey"]) else 0.0,
        )

    def _bricks_of_tile(self, survey: str, galaxies: float) -> float:
        """Bricks that hold the galaxies of a tile: as counted where their positions are known, else as if they were
        strewn evenly over the sky, which clustered galaxies never exceed.
        """
        tiles = len(self.settings.tiles(survey))
        positions = self.directory / "results" / "cutouts" / survey / "positions.parquet"
        if positions.is_file():
            return self._bricks(positions) / tiles
        bricks = NUMBER_OF_BRICKS / tiles
        return -bricks * math.expm1(-galaxies / bricks)

    def _images_of_tile(self, names: Mapping[str, str]) -> float:
        return self._images(names["survey"]) / len(self.settings.tiles(names["survey"]))

    def _images(self, survey: str) -> float:
        """Galaxies of a survey that have pixels, as far as the configuration tells."""
        entry = self.settings.survey(survey)
        return self._galaxies(entry["catalog"]) * entry.get("rendered_share", 1.0)

    def _annotated(self, survey: str) -> float:
        catalog = self.settings.catalog(self.settings.survey(survey)["catalog"])
        return self._images(survey) * catalog["split"]["annotation_fraction"]

    def _pixels(self, network: Mapping[str, Any]) -> int:
        recipe = self.settings.recipe(network["recipe"])
        return recipe["size_px"] ** 2 * recipe["channels"]

    def _training(self, names: Mapping[str, str]) -> Work:
        network = self.settings.network(names["network"])
        kind = f"train {network['architecture']}"
        if network["mode"] == "annotate":
            return Work(f"{kind} (finished)", 1)
        galaxies = 2 * self.settings.footprint(names["footprint"])["matching"]["per_class"]
        return Work(kind, galaxies * network["epochs"] * self._pixels(network))

    def _counted_galaxies(self, name: str) -> float:
        entry = self.settings.catalog(name)
        made = self.directory / "results" / "catalog" / name / "catalog.parquet"
        if entry["source"] == "simulated":
            count = entry["n_galaxies"]
        else:
            count = rows_of_table(made) or rows_of_table(self.directory / entry.get("path", ""))
        if count is None:
            self.unknown.add(name)
            return entry["sample"] or 0
        return min(count, entry["sample"] or count)

    def _file_size(self, path: str) -> int:
        file = self.directory / path
        return file.stat().st_size if file.is_file() else 0


def number_of_bricks(positions: Path) -> int:
    """Bricks of the Legacy Surveys that hold the galaxies of a table (Parquet)."""
    table = pq.read_table(positions, columns=["ra", "dec"])
    return len(set(bricks_of(table["ra"].to_numpy(), table["dec"].to_numpy())))


def rows_of_table(path: Path) -> int | None:
    """Rows of a table without reading it all: from the header of Parquet and FITS, by lines else; None without one."""
    if not path.is_file():
        return None
    try:
        if path.suffix == ".parquet":
            return pq.read_metadata(path).num_rows
        if path.suffix in (".fits", ".fit"):
            return max(int(header.header.get("NAXIS2", 0)) for header in fits.open(path)[1:])
        with open(path, "rb") as file:
            return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
    except (OSError, ValueError):
        # The step that reads the table says what is wrong with it.
        return None
