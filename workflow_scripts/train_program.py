"""Train one run of a network that is a program of the user's: give it galaxies and labels, keep the model it writes."""

import argparse
import logging
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from workflow_scripts.images.arrays import ImageStore, write_images
from workflow_scripts.images.blurring import blurred
from workflow_scripts.networks.galaxies_of_runs import read_training_set
from workflow_scripts.networks.program_command import argument_list, program_files
from workflow_scripts.networks.program_files import made_output, pack_model, placeholder_values, work_folder, write_ids
from workflow_scripts.networks.program_process import program_environment, run_program
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json
from workflow_scripts.whole_file import whole_file

parser = step_parser(__doc__)
parser.add_argument("--network", type=json_argument, required=True, help="the network's entry, as JSON")
parser.add_argument("--name", required=True, help="name of the network, for messages")
parser.add_argument("--training-set", type=Path, required=True, help="training_set.parquet")
parser.add_argument("--index", type=Path, required=True, help="index.parquet of the images")
parser.add_argument("--footprint", required=True, help="name of the footprint, for the record")
parser.add_argument("--resample", type=int, default=0, help="number of the training set, for the record")
parser.add_argument("--seed", type=int, required=True, help="seed that the program is given")
parser.add_argument("--resume-folder", type=Path, required=True, help="where unfinished trainings are kept")
parser.add_argument("--model", type=Path, required=True, help="model.tar to write")
parser.add_argument("--history", type=Path, required=True, help="history.csv to write: no epoch of a program is known")
parser.add_argument("--run", type=Path, required=True, help="run.json to write: provenance and outcome")


def main(args: argparse.Namespace) -> None:
    """Write the program's inputs, run it, and pack its model."""
    started, spec = time.monotonic(), args.network
    source_ids, labels = read_training_set(args.training_set)
    images = ImageStore(args.index).read(source_ids.tolist())
    if blur := spec.get("blur_fwhm_px"):
        images = blurred(images, blur)
    config: dict[str, Any] = {"network": spec, "footprint": args.footprint, "resample": args.resample}
    inputs = [args.training_set, args.index, *program_files(spec)]
    record = provenance(config, {"training": args.seed}, inputs)
    determinants = {key: record[key] for key in ("config", "seeds", "inputs")}
    folder = work_folder(args.resume_folder, {**determinants, "model": str(args.model)})
    values = placeholder_values(folder, args.seed, spec["threads"])
    write_images(values["images"], images.shape, images)
    np.save(values["labels"], labels)
    write_ids(Path(values["ids"]), pa.array(source_ids, pa.string()))
    shape = list(images.shape[1:])
    # The program may need the memory.
    del images
    environment = program_environment(spec["threads"], folder / "tmp", spec.get("python"))
    record["program"] = run_program(args.name, "train", argument_list(spec, "train", values), environment)
    model = made_output(folder, "model", f"networks.{args.name}")
    size = pack_model(args.model, model, record, f"networks.{args.name}")
    with whole_file(args.history) as temporary:
        temporary.write_text("epoch,loss,accuracy\n", encoding="utf-8")
    outcome = {
        "n_train": dict(Counter(map(str, labels.tolist()))),
        "image_shape": shape,
        "model": model.name,
        "model_bytes": size,
        # Known of Keras networks only; annotations tell how a program does on galaxies that it was not trained on.
        **dict.fromkeys(("device", "at_inference", "learned")),
    }
    write_json(args.run, {**record, "training": outcome})
    shutil.rmtree(folder, ignore_errors=True)
    logging.info("%s on %d galaxies in %.1f s: %s", args.name, len(labels), time.monotonic() - started, outcome)


if __name__ == "__main__":
    run_step(main, parser)
