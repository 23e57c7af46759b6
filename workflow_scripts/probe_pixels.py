"""Probe the pixels: a network is trained to tell the galaxies of two footprints apart, and scores held-out ones."""

import argparse
import logging
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from workflow_scripts.images.pixel_controls import CORNERS, SCRAMBLED, WHOLE, shown_pixels
from workflow_scripts.provenance import provenance, versions
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_table

parser = step_parser(__doc__)
parser.add_argument("--network", type=json_argument, required=True, help="the network's entry, as JSON")
parser.add_argument(
    "--training-sets", type=Path, nargs=2, required=True, help="training_set.parquet of both footprints"
)
parser.add_argument("--footprints", type=json_argument, required=True, help="name and region of both footprints, JSON")
parser.add_argument("--pixels", choices=[WHOLE, CORNERS, SCRAMBLED], default=WHOLE, help="default: %(default)s")
parser.add_argument("--index", type=Path, required=True, help="index.parquet of the images")
parser.add_argument("--catalog", type=Path, required=True, help="catalog.parquet, for the held-out galaxies")
parser.add_argument("--seed", type=int, required=True, help="seed of weights, order and augmentation")
parser.add_argument("--resume-folder", type=Path, required=True, help="where unfinished trainings are kept")
parser.add_argument("--threads", type=int, default=1, help="cores given; the network's entry states what is used")
parser.add_argument("--gpu", action="store_true", help="train on a graphics card, which must be there")
parser.add_argument("--output", type=Path, required=True, help="scores.parquet: source_id, ra, dec, label, side, score")


def main(args: argparse.Namespace) -> None:
    """Train, and write the score of every held-out galaxy of the two footprints."""
    spec = args.network
    from workflow_scripts.causes.place_galaxies import enough_of, held_out_rows, held_out_sides
    from workflow_scripts.images.arrays import ImageStore
    from workflow_scripts.networks.annotation import image_batches, score, scores_and_labels
    from workflow_scripts.networks.architectures import build_model
    from workflow_scripts.networks.checkpoints import Checkpoints, digest_of
    from workflow_scripts.networks.galaxies_of_runs import training_sides
    from workflow_scripts.networks.tensorflow_runtime import device, set_up
    from workflow_scripts.networks.training import fit

    started = time.monotonic()
    set_up(args.seed, spec["threads"], args.threads, args.gpu)
    ids, sides = training_sides(*args.training_sets)
    rows = held_out_rows(args.catalog, args.index, args.training_sets)
    rows = enough_of(held_out_sides(rows, *args.footprints))
    store = ImageStore(args.index)
    images = shown_pixels(store.read(ids.tolist()), args.pixels)
    model = build_model(spec, images.shape[1:], 2)
    given = [path for path in (spec.get("path"), spec.get("weights")) if path]
    config = {"network": spec, "footprints": args.footprints, "pixels": args.pixels}
    record = provenance(config, {"training": args.seed}, [*args.training_sets, args.index, args.catalog, *given])
    determinants = {key: record[key] for key in ("config", "seeds", "inputs")}
    determinants |= {"versions": versions(), "device": device(), "output": str(args.output)}
    checkpoints = Checkpoints(args.resume_folder / digest_of(determinants), 30)
    fit(model, images, sides, spec, args.seed, checkpoints)
    batches = image_batches(store, rows["tile"].to_numpy(), rows["row"].to_numpy())
    # Other orders of pixels than those that the network was trained on.
    shown = (shown_pixels(batch, args.pixels, seed) for seed, batch in enumerate(batches, start=1))
    scores = scores_and_labels(np.concatenate(list(score(model, shown))))[0]
    table = pa.Table.from_pandas(rows.drop(columns=["tile", "row"]).assign(score=scores), preserve_index=False)
    write_table(args.output, table, record)
    checkpoints.remove()
    logging.info("%d trained on, %d held out, %.1f s", len(ids), len(rows), time.monotonic() - started)


if __name__ == "__main__":
    run_step(main, parser)
