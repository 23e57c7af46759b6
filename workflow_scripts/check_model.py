"""Try a model or weights of the user on four images of galaxies, before any image is made or network trained."""

import argparse
import logging
import math
from pathlib import Path

from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json

parser = step_parser(__doc__)
parser.add_argument("--trial", type=json_argument, required=True, help="network, image_shape and classes, as JSON")
parser.add_argument("--images", type=Path, required=True, help="folder of the survey's images, if there are any yet")
parser.add_argument("--output", type=Path, required=True, help="what the model gave (JSON)")


def main(args: argparse.Namespace) -> None:
    """Write the scores of four galaxies; raise `InputError` for a model that cannot be used."""
    from workflow_scripts.networks.architectures import build_model
    from workflow_scripts.networks.example_galaxies import example_images
    from workflow_scripts.networks.model_trial import check_scores_differ
    from workflow_scripts.networks.tensorflow_runtime import set_up

    spec, classes = args.trial["network"], args.trial["classes"]
    set_up(0, threads=1, cores=1)
    given = spec["path"] or spec["weights"]
    images, origin = example_images(args.images, tuple(args.trial["image_shape"]))
    model = build_model(spec, images.shape[1:], len(classes), images)
    scores = check_scores_differ(given, model, images, spec)
    trained = [] if spec["mode"] == "annotate" else model.trainable_variables
    outcome = {
        "images": origin,
        "scores": scores.astype(float).round(6).tolist(),
        "score_of": classes[1] if scores.shape[1] == 1 else classes,
        "parameters": model.count_params(),
        "trained_parameters": sum(math.prod(variable.shape) for variable in trained),
    }
    write_json(args.output, {**outcome, "provenance": provenance(args.trial, {}, [given])})
    logging.info("%s: %s", given, outcome)


if __name__ == "__main__":
    run_step(main, parser)
