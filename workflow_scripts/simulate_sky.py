"""Draw a simulated sky: galaxies, the imaging at their positions, and labels as people would give them."""

import argparse
import logging
from typing import Any

import pandas as pd

from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.surveys.simulated.imaging import image_conditions, judged_labels
from workflow_scripts.surveys.simulated.populations import draw_galaxies
from workflow_scripts.surveys.simulated.sky_entry import FIELDS, check_sky, injected_dipoles
from workflow_scripts.tables import write_json, write_table

parser = step_parser(__doc__)
parser.add_argument("--catalog", type=json_argument, required=True, help="entry of `catalogs`, as JSON")
parser.add_argument("--output", required=True, help="the sky with everything injected (Parquet)")
parser.add_argument("--truth", required=True, help="the imaging that was injected, in short (JSON)")


def simulated_sky(catalog: dict[str, Any]) -> pd.DataFrame:
    """Galaxies, imaging conditions and labels of a simulated catalog's entry; one row a galaxy.

    Raises `InputError` for a value that no sky can be drawn from.
    """
    check_sky(catalog)
    galaxies = draw_galaxies(catalog["n_galaxies"], catalog["seed"], catalog["galaxies"])
    conditions = image_conditions(galaxies["ra"].to_numpy(), galaxies["dec"].to_numpy(), catalog["imaging"])
    sky = pd.concat([galaxies, conditions], axis=1)
    sky["label"] = judged_labels(sky, catalog["labels"], catalog["seed"])
    sky["sky_seed"] = catalog["seed"]
    return sky


def main(arguments: argparse.Namespace) -> None:
    """Write the sky and its truth."""
    catalog = arguments.catalog
    sky = simulated_sky(catalog)
    record = provenance(catalog, {"sky": catalog["seed"]}, [])
    write_table(arguments.output, sky, record)
    wrong = (sky["label"] != sky["true_class"]).groupby(sky["true_class"]).mean()
    columns = [*FIELDS.values(), "depth_mag"]
    share = "clockwise_fraction" if "handedness" in catalog["galaxies"] else "spiral_fraction"
    summary = {
        "simulated": True,
        "galaxies": catalog["galaxies"],
        "imaging": catalog["imaging"],
        "injected_dipoles": injected_dipoles(catalog),
        "labels": catalog["labels"],
        "n_galaxies": len(sky),
        share: float((sky["true_class"] > 0).mean()),
        "wrong_labels": {catalog["classes"][kind]: float(share) for kind, share in wrong.items()},
        "range": {column: [float(sky[column].min()), float(sky[column].max())] for column in columns},
    }
    write_json(arguments.truth, {**summary, "provenance": record})
    logging.info("%d galaxies, %s %.3f", len(sky), share.replace("_", " "), summary[share])


if __name__ == "__main__":
    run_step(main, parser)
