"""Sizes of the work of jobs, from the configuration and from what is there already: a method for each quantity."""

import json
import math
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq

from workflow_scripts.catalogs.formats import matching_files
from workflow_scripts.configuration.control_entries import runs_of_controls
from workflow_scripts.configuration.derived_runs import remedy_parameter, runs_of_remedy, versions_of_experiment
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.configuration.settings import Configuration
from workflow_scripts.errors import InputError
from workflow_scripts.surveys.bricks.geometry import NUMBER_OF_BRICKS, bricks_of
from workflow_scripts.surveys.registry import kind_of, pixels_of_cutout

# Of a brick in one band, about.
_BYTES_OF_BRICK = 10e6
# Times of a training with degraded images, and with a second batch for the alignment, beside a plain one (lenet5).
_DEGRADED, _ALIGNED = 1.2, 1.7
# Labels of a table with more rows are not counted for a preview: reading it would take minutes.
_MOST_ROWS_READ = 1_000_000


class WorkSizes:
    """Quantities of a configuration that the work of jobs grows with. Galaxies are counted as spread evenly over tiles.

    `unknown_catalogs` gathers the catalogs whose number of galaxies is unknown before they are fetched: they count as
    empty, or as large as the sample that is requested. `labelled` has, by catalog of which only labelled galaxies are
    used, how many these are; None for one that is too large to be read for a preview, whose rows all count.
    """

    def __init__(self, settings: Configuration, directory: Path = Path()):
        """`directory` is where the paths in the configuration start."""
        self.settings = settings
        self.directory = directory
        self.unknown_catalogs: set[str] = set()
        self.labelled: dict[str, int | None] = {}

    def galaxies_of_catalog(self, catalog: str) -> int:
        """Galaxies of a catalog, as far as they are counted."""
        entry = self.settings.catalog(catalog)
        if entry["source"] == "simulated":
            count = entry["n_galaxies"]
        else:
            made = self.directory / "results" / "catalog" / catalog / "catalog.parquet"
            source = self.directory / entry.get("path", "")
            count = rows_of_table(made) or rows_of_table(source)
            if count is not None and entry.get("unlabelled") == "drop":
                self.labelled[catalog] = self._labelled_of_catalog(catalog, made, source)
                count = count if (labelled := self.labelled[catalog]) is None else labelled
        if count is None:
            self.unknown_catalogs.add(catalog)
            return entry["sample"] or 0
        self.unknown_catalogs.discard(catalog)
        return min(count, entry["sample"] or count)

    def _labelled_of_catalog(self, catalog: str, made: Path, source: Path) -> int | None:
        """Galaxies with a label, of the catalog that is there or else of its table; None of a very large table."""
        if made.is_file():
            return _labels_in(made, made.stat().st_mtime_ns)
        if (rows_of_table(source) or 0) > _MOST_ROWS_READ:
            return None
        entry = {**self.settings.galaxies_parameter(catalog, []), "sample": None}
        return _labelled_in_table(source, source.stat().st_mtime_ns, as_parameter(entry))

    def galaxies_of_survey(self, survey: str) -> int:
        """Galaxies of a survey's catalog."""
        return self.galaxies_of_catalog(self.settings.survey(survey)["catalog"])

    def images_of_survey(self, survey: str) -> float:
        """Galaxies of a survey that have pixels, as far as the configuration determines it."""
        entry = self.settings.survey(survey)
        # A version shows the annotated galaxies alone.
        share = self._annotated_share(survey) if "version_of" in entry else 1.0
        return self.galaxies_of_survey(survey) * share * entry.get("rendered_share", 1.0)

    def images_of_tile(self, survey: str, tile: int) -> int:
        """Images in a tile of a survey: whole numbers, which add up to those of the survey."""
        images, tiles = round(self.images_of_survey(survey)), len(self.settings.tiles(survey))
        return images * (tile + 1) // tiles - images * tile // tiles

    def annotated_galaxies(self, survey: str) -> float:
        """Galaxies of a survey that every run annotates."""
        is_version = "version_of" in self.settings.survey(survey)
        return self.images_of_survey(survey) * (1.0 if is_version else self._annotated_share(survey))

    def _annotated_share(self, survey: str) -> float:
        return float(self.settings.catalog(self.settings.survey(survey)["catalog"])["split"]["annotation_fraction"])

    def galaxies_of_experiment(self, experiment: str) -> int:
        """Galaxies of the catalog of an experiment."""
        return self.galaxies_of_catalog(self.settings.catalog_of(experiment))

    def annotations_of_experiment(self, experiment: str, with_controls: bool = False) -> float:
        """Galaxies that the runs of an experiment annotate, over all runs; of given annotations all that may be."""
        survey = self.settings.experiment(experiment)["survey"]
        galaxies = self.annotated_galaxies(survey) if survey else self.galaxies_of_experiment(experiment)
        runs = len(self.settings.runs(experiment))
        runs += len(runs_of_controls(self.settings, experiment)) if with_controls else 0
        return runs * galaxies

    def annotations_of_versions(self, experiment: str) -> float:
        """Galaxies that the runs of an experiment annotate in all versions of their images."""
        return len(versions_of_experiment(self.settings, experiment)) * self.annotations_of_experiment(experiment)

    def annotations_of_remedy(self, experiment: str, remedy: str) -> float:
        """Galaxies that the runs of an experiment and those of a remedy annotate, over all runs."""
        runs = runs_of_remedy(self.settings, experiment, remedy_parameter(self.settings, experiment, remedy))
        own = self.settings.runs(experiment)
        return len({*own, *runs}) / len(own) * self.annotations_of_experiment(experiment)

    def pixels_of_image(self, recipe: str) -> int:
        """Numbers in one image of a recipe."""
        entry = self.settings.recipe(recipe)
        return entry["size_px"] ** 2 * entry["channels"]

    def pixels_of_input(self, network: str) -> int:
        """Numbers in one image as a network sees it."""
        return self.pixels_of_image(self.settings.network(network)["recipe"])

    def trained_architecture(self, network: str) -> str:
        """What the time of a training depends on beside its size; a finished model is only copied."""
        entry = self.settings.network(network)
        return f"{entry['architecture']}{' (finished)' if entry['mode'] == 'annotate' else ''}"

    def training_pixels(self, footprint: str, network: str) -> float:
        """Galaxies x epochs x numbers in an image of a training; 1 for a finished model, which is not trained.

        A training that does more with each image counts as so much longer.
        """
        entry = self.settings.network(network)
        if entry["mode"] == "annotate":
            return 1
        longer = (_DEGRADED if entry["augmentation"].get("degrade") else 1) * (_ALIGNED if "alignment" in entry else 1)
        return longer * self._trained_galaxies(footprint) * entry["epochs"] * self.pixels_of_input(network)

    def training_images(self, footprint: str, network: str) -> int:
        """Galaxies x numbers in an image of a training set, for a program whose epochs are not known."""
        return self._trained_galaxies(footprint) * self.pixels_of_input(network)

    def _trained_galaxies(self, footprint: str) -> int:
        """Galaxies of a training set; strata have half of them, on average."""
        entry = self.settings.footprint(footprint)
        per_class: int = entry["matching"]["per_class"]
        return per_class if "stratum" in entry else 2 * per_class

    def cutouts_of_tile(self, survey: str, tile: int) -> int:
        """Cutouts that make the images of a tile: more than one an image, where bands come one by one."""
        entry = self.settings.survey(survey)
        return self.images_of_tile(survey, tile) * kind_of(entry).requests(entry)

    def pixels_of_tile(self, survey: str, tile: int) -> int:
        """Pixels in the cutouts of a tile, each band's by itself where they come so."""
        entry = self.settings.survey(survey)
        bands = len(entry["bands"]) if kind_of(entry).cuts_whole_files else 1
        return self.cutouts_of_tile(survey, tile) * pixels_of_cutout(entry) * bands

    def downloads_of_tile(self, survey: str, tile: int) -> float | None:
        """Files that a tile downloads: cutouts, or bricks in every band; None where a survey downloads nothing."""
        entry = self.settings.survey(survey)
        if kind_of(entry).cuts_whole_files:
            return len(entry["bands"]) * self._bricks_of_tile(survey)
        return self.cutouts_of_tile(survey, tile) if kind_of(entry).downloaded else None

    def received_bytes_of_tile(self, survey: str, tile: int) -> float | None:
        """Bytes that a tile downloads, where they are not those that it keeps."""
        whole_files = kind_of(self.settings.survey(survey)).cuts_whole_files
        return (self.downloads_of_tile(survey, tile) or 0) * _BYTES_OF_BRICK if whole_files else None

    def least_seconds_of_tile(self, survey: str, tile: int) -> float:
        """How long the access limits of a service make the downloads of a tile last, whatever the machine."""
        rate = self.settings.survey(survey).get("access", {}).get("requests_per_second")
        return (self.downloads_of_tile(survey, tile) or 0) / rate if rate else 0.0

    def bytes_of_file(self, path: str) -> int:
        """Bytes of a file, folder or pattern of files of the user; 0 where it is not there."""
        place = self.directory / path
        files = matching_files(f"{place}/**" if place.is_dir() else str(place))
        return sum(Path(file).stat().st_size for file in files if Path(file).is_file())

    def _bricks_of_tile(self, survey: str) -> float:
        """Bricks that hold the galaxies of a tile: as counted where their positions are known, else as if they were
        strewn evenly over the sky, which clustered galaxies never exceed.
        """
        tiles = len(self.settings.tiles(survey))
        positions = self.directory / "results" / "cutouts" / survey / "positions.parquet"
        if positions.is_file():
            return _number_of_bricks(positions, positions.stat().st_mtime_ns) / tiles
        bricks = NUMBER_OF_BRICKS / tiles
        return -bricks * math.expm1(-self.images_of_survey(survey) / tiles / bricks)


@cache
def _number_of_bricks(positions: Path, date: int) -> int:
    """Bricks of the Legacy Surveys that hold the galaxies of a table (Parquet) of a date."""
    table = pq.read_table(positions, columns=["ra", "dec"])
    return len(set(bricks_of(table["ra"].to_numpy(), table["dec"].to_numpy())))


@cache
def _labels_in(catalog: Path, date: int) -> int:
    """Rows with a label of a finished catalog (Parquet) of a date."""
    labels = pq.read_table(catalog, columns=["label"])["label"]
    return len(labels) - labels.null_count


@cache
def _labelled_in_table(table: Path, date: int, entry: str) -> int | None:
    """Labelled galaxies that the step makes of a table of a date by an entry (JSON); None of one that it refuses."""
    # Slow to import, and rarely needed.
    from workflow_scripts.catalogs.galaxies import positions_of_catalog

    try:
        return len(positions_of_catalog(json.loads(entry), str(table)))
    except InputError:
        # The step reports what is wrong with it.
        return None


def rows_of_table(path: Path) -> int | None:
    """Rows of a table without reading it all: from the header of Parquet and FITS, by lines else; None without one."""
    return _counted_rows(path, path.stat().st_mtime_ns) if path.is_file() else None


@cache
def _counted_rows(path: Path, date: int) -> int | None:
    try:
        if path.suffix == ".parquet":
            return pq.read_metadata(path).num_rows
        if path.suffix in (".fits", ".fit"):
            # Slow to import, and rarely needed.
            from astropy.io import fits

            return max(int(header.header.get("NAXIS2", 0)) for header in fits.open(path)[1:])
        with open(path, "rb") as file:
            return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
    except (OSError, ValueError):
        # The step that reads the table reports what is wrong with it.
        return None
