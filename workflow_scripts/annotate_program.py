"""Annotate with a network that is a program of the user's: the score and label that one run gives to every galaxy."""

import argparse
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from workflow_scripts.images.arrays import ImageStore, write_images
from workflow_scripts.networks.galaxies_of_runs import annotation_rows, annotation_schema, read_training_set
from workflow_scripts.networks.program_command import argument_list, program_files
from workflow_scripts.networks.program_files import (
    images_in_order,
    made_output,
    placeholder_values,
    read_scores,
    unpack_model,
    work_folder,
    write_ids,
)
from workflow_scripts.networks.program_process import program_environment, run_program
from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_table

parser = step_parser(__doc__)
parser.add_argument("--network", type=json_argument, required=True, help="the network's entry, as JSON")
parser.add_argument("--name", required=True, help="name of the network, for messages")
parser.add_argument("--model", type=Path, required=True, help="model.tar of the run")
parser.add_argument(
    "--training-set",
    type=Path,
    required=True,
    help="training_set.parquet: has the classes, and no galaxy of it may be annotated",
)
parser.add_argument("--index", type=Path, required=True, help="index.parquet of the images")
parser.add_argument("--catalog", type=Path, required=True, help="catalog.parquet")
parser.add_argument("--resume-folder", type=Path, required=True, help="where unfinished annotations are kept")
parser.add_argument("--output", type=Path, required=True, help="annotations.parquet to write")


def main(args: argparse.Namespace) -> None:
    """Write the program's inputs, run it, check its scores and write their table."""
    spec = args.network
    rows = annotation_rows(args.catalog, args.index, args.training_set)
    n_classes = 1 + int(read_training_set(args.training_set)[1].max())
    inputs = [args.model, args.training_set, args.index, args.catalog]
    record = provenance({}, {}, [*inputs, *program_files(spec)])
    determinants = {"network": spec, "inputs": record["inputs"], "output": str(args.output)}
    folder = work_folder(args.resume_folder, determinants)
    trained: dict[str, Any] = unpack_model(args.model, folder)
    record["config"] = {**trained.get("config", {}), "network": spec}
    record["seeds"] = trained["seeds"]
    values = placeholder_values(folder, trained["seeds"]["training"], spec["threads"])
    values["model"] = str(folder / "out" / "model")
    images, places = ImageStore(args.index), [rows[name].to_numpy() for name in ("tile", "row")]
    write_images(values["images"], (rows.num_rows, *images.shape), images_in_order(images, *places))
    source_ids = rows["source_id"].combine_chunks()
    write_ids(Path(values["ids"]), source_ids)
    environment = program_environment(spec["threads"], folder / "tmp", spec.get("python"))
    record["program"] = run_program(args.name, "annotate", argument_list(spec, "annotate", values), environment)
    where = f"networks.{args.name}"
    scores = read_scores(made_output(folder, "scores", where), source_ids, where, n_classes)
    labels = (scores[:, 0] > np.float32(0.5) if n_classes == 2 else scores.argmax(axis=1)).astype(np.int8)
    columns = [source_ids, rows["ra"], rows["dec"], *map(pa.array, scores.T), pa.array(labels)]
    write_table(args.output, pa.table(columns, schema=annotation_schema(n_classes)), record)
    shutil.rmtree(folder, ignore_errors=True)
    logging.info("annotated %d galaxies", rows.num_rows)


if __name__ == "__main__":
    run_step(main, parser)
