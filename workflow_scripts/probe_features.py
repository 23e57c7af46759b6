"""Probe the features: does a network's last hidden layer know where galaxies lie? No training is needed.

Positions are predicted linearly from the layer, in blocks of sky that were left out; what chance would give comes from
exchanged blocks. Classes cannot help where the catalog has labels.
"""

import argparse
import logging
from pathlib import Path

import numpy as np

from workflow_scripts.errors import InputError
from workflow_scripts.provenance import provenance
from workflow_scripts.step import run_step, step_parser
from workflow_scripts.tables import write_json

parser = step_parser(__doc__)
parser.add_argument("--model", type=Path, required=True, help="a Keras model (.keras) that classifies the images")
parser.add_argument("--index", type=Path, required=True, help="index.parquet of the images")
parser.add_argument("--catalog", type=Path, required=True, help="catalog.parquet: source_id, ra, dec, label, split")
parser.add_argument("--permutations", type=int, default=999, help="exchanged skies (default: %(default)s)")
parser.add_argument("--threads", type=int, default=1, help="cores given")
parser.add_argument("--gpu", action="store_true", help="use a graphics card, which must be there")
parser.add_argument("--output", type=Path, required=True, help="position.json to write")


def main(args: argparse.Namespace) -> None:
    """Write R^2 of the positions, that of exchanged skies, and the influence of each block."""
    from workflow_scripts.causes.place_galaxies import enough_of, held_out_rows
    from workflow_scripts.images.arrays import ImageStore
    from workflow_scripts.networks.annotation import image_batches
    from workflow_scripts.networks.model_files import load_checked
    from workflow_scripts.networks.penultimate import penultimate_features
    from workflow_scripts.networks.tensorflow_runtime import set_up
    from workflow_scripts.sky.unit_vectors import unit_vectors
    from workflow_scripts.statistics.sky.position_probe import position_probe
    from workflow_scripts.statistics.sky.sky_blocks import blocks_of

    set_up(0, args.threads, args.threads, args.gpu)
    rows, images = enough_of(held_out_rows(args.catalog, args.index)), ImageStore(args.index)
    model = load_checked(args.model, images.shape)
    features = penultimate_features(model, image_batches(images, rows["tile"].to_numpy(), rows["row"].to_numpy()))
    try:
        blocks = blocks_of(rows["ra"], rows["dec"])
        vectors = unit_vectors(rows["ra"], rows["dec"])
        found = position_probe(features, vectors, rows["label"], blocks, args.permutations, 0)
    except ValueError as error:
        raise InputError(f"{args.model}: its features cannot be probed on {args.catalog}: {error}") from None
    content = {
        "r2": found.r2,
        "p_permutation": found.p_permutation,
        "null_mean": float(np.mean(found.null)),
        "n": found.n,
        "n_features": found.n_columns,
        "n_blocks": len(found.influence),
        "null": found.null,
        "influence": found.influence,
    }
    record = provenance({"permutations": args.permutations}, {"exchanges": 0}, [args.model, args.index, args.catalog])
    write_json(args.output, {**content, "provenance": record})
    logging.info(
        "R^2 of the position %.5f (exchanged blocks: %.5f on average), p = %.3g, %d galaxies, %d features",
        *(content[key] for key in ("r2", "null_mean", "p_permutation", "n", "n_features")),
    )


if __name__ == "__main__":
    run_step(main, parser)
