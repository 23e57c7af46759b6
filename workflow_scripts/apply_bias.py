"""Put the measured bias of a correction into a mock catalog: draw the labels that its networks would give."""

import argparse
import logging
from pathlib import Path

import numpy as np
import pyarrow as pa

from workflow_scripts.catalogs.formats import FORMAT_NAMES, FORMATS_IN_WORDS
from workflow_scripts.corrections.bias_model import MEAN, read_bias_model
from workflow_scripts.corrections.imaging_map import MAP_FILE
from workflow_scripts.corrections.mock_catalogs import read_mock, templates_of_mock
from workflow_scripts.errors import InputError
from workflow_scripts.provenance import provenance
from workflow_scripts.sky.unit_vectors import unit_vectors
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import write_table

DRAW = "draw"
_MOST_REALISATIONS = 1000

parser = step_parser(__doc__)
parser.add_argument("mock", help=f"the mock catalog ({FORMATS_IN_WORDS})")
parser.add_argument("--correction", type=Path, required=True, metavar="DIR", help="folder of a correction")
parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="table to write (Parquet)")
parser.add_argument("--truth", required=True, metavar="COL", help="true label, 0 or 1, or probability")
parser.add_argument("--positive", metavar="VALUE", help="of labels that are texts: the one that is counted")
parser.add_argument("--ra", metavar="COL", help="right ascension (default: guessed)")
parser.add_argument("--dec", metavar="COL", help="declination (default: guessed)")
parser.add_argument(
    *("--imaging", "-i"),
    nargs="+",
    action="extend",
    default=[],
    metavar="NAME[=COL]",
    help="columns of the properties of the images that the correction used (default: its own map of them)",
)
parser.add_argument("--map", metavar="FILE", help="HEALPix map (FITS, nested, ICRS) of these properties, by name")
parser.add_argument(
    "--run",
    default=MEAN,
    help="training run whose bias is applied, 'draw' for one at random each time, 'mean' (default) for their mean",
)
parser.add_argument("--realisations", type=int, default=1, help="columns of labels to draw (default: %(default)s)")
parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
parser.add_argument("--format", choices=FORMAT_NAMES, help="of the mock; default: by content, then by name")


def main(arguments: argparse.Namespace) -> None:
    """Write the mock's columns with `annotated`, or `annotated_1` ... of several realisations."""
    check_arguments(arguments)
    model = read_bias_model(arguments.correction / "bias.json")
    if arguments.run != DRAW:
        model.coefficients(arguments.run)
    properties = named_properties(arguments.imaging, model.templates.names if model.templates else ())
    positions = arguments.ra, arguments.dec
    mock = read_mock(arguments.mock, positions, arguments.truth, arguments.positive, properties, arguments.format)
    templates = None
    inputs = [arguments.mock, arguments.correction / "bias.json"]
    if model.templates:
        own = str(arguments.correction / "maps" / MAP_FILE)
        templates, outside = templates_of_mock(mock, model.templates, own, arguments.map, arguments.mock)
        inputs += [] if mock.properties else [arguments.map or own]
        if outside:
            n = len(mock.ra)
            logging.warning("%d of %d galaxies have imaging outside of what was measured: its end is taken", outside, n)
    random = np.random.default_rng(arguments.seed)
    vectors, table, drawn = unit_vectors(mock.ra, mock.dec), mock.columns, []
    for number in range(arguments.realisations):
        run = arguments.run
        if run == DRAW:
            run = list(model.runs)[random.integers(len(model.runs))]
        chance = model.probabilities(run, mock.truth, vectors, templates)
        name = "annotated" if arguments.realisations == 1 else f"annotated_{number + 1}"
        if name in table.column_names:
            raise InputError(f"{arguments.mock}: has a column '{name}' already, expected another name of it")
        table = table.append_column(name, pa.array((random.random(len(chance)) < chance).astype(np.int8)))
        drawn.append(run)
    config = {key: value for key, value in vars(arguments).items() if key not in ("debug", "log_level", "output")}
    record = provenance({**config, "correction": str(arguments.correction)}, {"labels": arguments.seed}, inputs)
    write_table(arguments.output, table, {**record, "kind": model.kind, "runs": drawn})
    logging.info("written: %s, %d galaxies, bias as %s of %s", arguments.output, len(mock.ra), model.kind, drawn[0])


def check_arguments(arguments: argparse.Namespace) -> None:
    """Raise `InputError` for options that cannot be used."""
    if not 1 <= arguments.realisations <= _MOST_REALISATIONS:
        raise InputError(f"--realisations is {arguments.realisations}, expected 1 to {_MOST_REALISATIONS}")
    if arguments.seed < 0:
        raise InputError(f"--seed is {arguments.seed}, expected 0 or more")
    if arguments.output.suffix != ".parquet":
        raise InputError(f"--output {arguments.output}: expected a name that ends in .parquet")
    if arguments.imaging and arguments.map:
        raise InputError("--imaging and --map were both given, expected columns or a map")


def named_properties(given: list[str], names: tuple[str, ...]) -> dict[str, str]:
    """The column of each property of the images; `InputError` unless all are named, and no other, or none."""
    found = dict(text.partition("=")[::2] for text in given)
    found = {name: column or name for name, column in found.items()}
    odd = [name for name in (*found, *names) if found and not (name in found and name in names)]
    if odd:
        expected = ", ".join(names) or "none: the correction used no imaging"
        raise InputError(f"--imaging: '{odd[0]}' does not match, expected {expected}")
    return found


if __name__ == "__main__":
    run_step(main, parser)
