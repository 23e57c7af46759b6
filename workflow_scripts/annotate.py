"""Annotate: the score and label that one run gives to every galaxy of the annotation set."""

import argparse
from pathlib import Path
from typing import Any

from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser

parser = step_parser(__doc__)
parser.add_argument("--network", type=json_argument, required=True, help="the network's entry, as JSON")
parser.add_argument("--model", type=Path, required=True, help="model.keras of the run")
parser.add_argument("--training-set", type=Path, help="training_set.parquet: no galaxy of it may be annotated")
parser.add_argument("--index", type=Path, required=True, help="index.parquet of the images")
parser.add_argument("--catalog", type=Path, required=True, help="catalog.parquet")
parser.add_argument("--threads", type=int, default=1, help="cores given; the network's entry states what is used")
parser.add_argument("--gpu", action="store_true", help="annotate on a graphics card, which must be there")
parser.add_argument("--footprint", help="name of the footprint, where the model does not record it")
parser.add_argument("--resample", type=int, help="number of the training set, where the model does not record it")
parser.add_argument("--seed", type=int, help="seed of the training, where the model does not record it")
parser.add_argument("--output", type=Path, required=True, help="annotations.parquet to write")


def main(args: argparse.Namespace) -> None:
    """Score the galaxies in the order of the index and write their table."""
    from workflow_scripts.images.arrays import ImageStore
    from workflow_scripts.networks.annotation import write_annotations
    from workflow_scripts.networks.galaxies_of_runs import annotation_rows
    from workflow_scripts.networks.mirrored_classes import positions_averaged, swaps_classes
    from workflow_scripts.networks.model_files import load_checked, model_record
    from workflow_scripts.networks.orientations import MIRROR, ORIENTATIONS, AveragedModel
    from workflow_scripts.networks.tensorflow_runtime import set_up

    spec = args.network
    set_up(0, spec["threads"], args.threads, args.gpu)
    rows = annotation_rows(args.catalog, args.index, args.training_set)
    images = ImageStore(args.index)
    model = load_checked(args.model, images.shape)
    if (averaged := positions_averaged(spec)) > 1:
        positions = MIRROR if averaged == len(MIRROR) else ORIENTATIONS
        model = AveragedModel(model, positions, swaps_classes(spec))
    trained: dict[str, Any] = model_record(args.model)
    config = {"footprint": args.footprint, "resample": args.resample} | trained.get("config", {}) | {"network": spec}
    seed = trained.get("seeds", {}).get("training", args.seed)
    inputs = [path for path in (args.model, args.training_set, args.index, args.catalog) if path]
    record = provenance(config, {} if seed is None else {"training": seed}, inputs)
    write_annotations(args.output, rows, images, model, args.model, record)


if __name__ == "__main__":
    run_step(main, parser)
