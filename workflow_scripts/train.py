"""Train one run: a network on the training set of a footprint."""

import argparse
import logging
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.errors import InputError
from workflow_scripts.provenance import provenance, versions
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json
from workflow_scripts.whole_file import whole_file

parser = step_parser(__doc__)
parser.add_argument("--network", type=json_argument, required=True, help="the network's entry, as JSON")
parser.add_argument("--training-set", type=Path, required=True, help="training_set.parquet")
parser.add_argument("--index", type=Path, required=True, help="index.parquet of the images")
parser.add_argument("--catalog", type=Path, required=True, help="catalog.parquet, for galaxies that no run trains on")
parser.add_argument("--unlabelled", type=Path, help="training_set.parquet of galaxies that features are aligned with")
parser.add_argument("--footprint", required=True, help="name of the footprint, for the record")
parser.add_argument("--resample", type=int, default=0, help="number of the training set, for the record")
parser.add_argument("--seed", type=int, required=True, help="seed of weights, order and augmentation")
parser.add_argument("--resume-folder", type=Path, required=True, help="where unfinished trainings are kept")
parser.add_argument("--checkpoint-seconds", type=float, default=30, help="time between checkpoints (default: 30)")
parser.add_argument("--threads", type=int, default=1, help="cores given; the network's entry states what is used")
parser.add_argument("--gpu", action="store_true", help="train on a graphics card, which must be there")
parser.add_argument("--model", type=Path, required=True, help="model.keras to write")
parser.add_argument("--history", type=Path, required=True, help="history.csv to write: epoch, loss, accuracy")
parser.add_argument("--run", type=Path, required=True, help="run.json to write: provenance and outcome")


def main(args: argparse.Namespace) -> None:
    """Train, or check a finished model (mode annotate), and write model, history and record."""
    spec = args.network
    # TensorFlow takes seconds to start: not for --help.
    from workflow_scripts.images.arrays import ImageStore
    from workflow_scripts.images.blurring import blurred
    from workflow_scripts.networks.architectures import build_model
    from workflow_scripts.networks.checkpoints import Checkpoints, digest_of
    from workflow_scripts.networks.degrading import survey_range
    from workflow_scripts.networks.evaluation import evaluated, has_learned, held_out_galaxies, mirror_evaluated
    from workflow_scripts.networks.galaxies_of_runs import read_training_set, unlabelled_galaxies
    from workflow_scripts.networks.mirrored_classes import FLIPS_HINT, flips_keep_classes, swaps_classes
    from workflow_scripts.networks.model_files import write_finished, write_model
    from workflow_scripts.networks.tensorflow_runtime import device, set_up
    from workflow_scripts.networks.training import fit

    started = time.monotonic()
    set_up(args.seed, spec["threads"], args.threads, args.gpu)
    source_ids, labels = read_training_set(args.training_set)
    store = ImageStore(args.index)
    images = store.read(source_ids.tolist())
    if blur := spec.get("blur_fwhm_px"):
        images = blurred(images, blur)
    trains = spec["mode"] != "annotate"
    degrades, aligns = trains and spec["augmentation"].get("degrade"), trains and spec.get("alignment")
    further: dict[str, Any] = {}
    if degrades:
        further["imaging"] = survey_range(images, source_ids, store, args.catalog, spec)
    if aligns:
        if not args.unlabelled:
            raise InputError("--unlabelled: missing, expected galaxies for the alignment of the network")
        others = store.read(unlabelled_galaxies(args.unlabelled))
        further["unlabelled"] = blurred(others, blur) if blur else others
    model = build_model(spec, images.shape[1:], max(2, int(labels.max()) + 1))
    config: dict[str, Any] = {"network": spec, "footprint": args.footprint, "resample": args.resample}
    given = [path for path in (spec.get("path"), spec.get("weights")) if path]
    inputs = [args.training_set, args.index, *given]
    # Where images are degraded up to its seeing, a model depends on the catalog.
    inputs += [path for path, used in ((args.catalog, degrades), (args.unlabelled, aligns)) if used]
    record = provenance(config, {"training": args.seed}, inputs)
    history = []
    if not trains:
        write_finished(args.model, model, spec["path"])
    else:
        determinants = {key: record[key] for key in ("config", "seeds", "inputs")}
        determinants |= {"versions": versions(), "device": device(), "model": str(args.model)}
        checkpoints = Checkpoints(args.resume_folder / digest_of(determinants), args.checkpoint_seconds)
        history = fit(model, images, labels, spec, args.seed, checkpoints, **further)
        write_model(args.model, model, record)
    with whole_file(args.history) as temporary:
        table = pd.DataFrame(history, columns=["epoch", "loss", "accuracy"])
        table.to_csv(temporary, index=False, float_format="%.9g")
    of_no_training = held_out_galaxies(args.catalog, store, args.training_set)
    held_out = evaluated(model, *of_no_training)
    outcome = {
        "n_train": dict(Counter(map(str, labels.tolist()))),
        "image_shape": list(images.shape[1:]),
        "parameters": model.count_params(),
        "device": device(),
        "epochs": len(history),
        # In training mode, while the weights change: what a network is right about at inference can be far from it.
        "last_epoch": dict(zip(("loss", "accuracy"), history[-1][1:], strict=True)) if history else None,
        "at_inference": {"training": evaluated(model, images, labels) if history else None, "held_out": held_out},
        "learned": has_learned(held_out),
    }
    if swaps_classes(spec):
        outcome["mirrored"] = mirror_evaluated(model, *of_no_training)
    # The model does not depend on the galaxies that no run trains on: its own record may leave the catalog out.
    measured = provenance(config, {"training": args.seed}, [*inputs, args.catalog])
    write_json(args.run, {**measured, "training": outcome})
    if trains:
        checkpoints.remove()
    logging.info(
        "%s on %d galaxies in %.1f s: %s", spec["architecture"], len(labels), time.monotonic() - started, outcome
    )
    if outcome["learned"] is False:
        logging.warning(
            "%s has not learned: at inference its balanced accuracy is %.3f on %d galaxies that it was not trained on,"
            " which is not distinguishable from a constant answer (p = %.2g).%s",
            args.model.parent,
            *(held_out[key] for key in ("balanced_accuracy", "n", "p_guessing")),
            f" {FLIPS_HINT}" if flips_keep_classes(spec, int(labels.max()) + 1) else "",
        )


if __name__ == "__main__":
    run_step(main, parser)
