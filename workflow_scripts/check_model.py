"""Try models or weights of the user on four images of galaxies, before any image is made or network trained."""

import argparse
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_scripts.provenance import provenance
from workflow_scripts.step import json_argument, run_step, step_parser
from workflow_scripts.tables import write_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

parser = step_parser(__doc__)
parser.add_argument("--trial", type=json_argument, required=True, help="network, models, image_shape, classes, as JSON")
parser.add_argument("--images", type=Path, required=True, help="folder of the survey's images, if there are any yet")
parser.add_argument("--output", type=Path, required=True, help="what the model gave (JSON)")


def main(args: argparse.Namespace) -> None:
    """Write the scores of four galaxies, by each model; raise `InputError` for one that cannot be used."""
    from workflow_scripts.networks.example_galaxies import example_images
    from workflow_scripts.networks.tensorflow_runtime import set_up

    spec, classes = args.trial["network"], args.trial["classes"]
    set_up(0, threads=1, cores=1)
    images, origin = example_images(args.images, tuple(args.trial["image_shape"]))
    specs = [{**spec, "path": path} for path in args.trial.get("models", [])] or [spec]
    outcomes = {one["path"] or one["weights"]: outcome_of(one, images, classes) for one in specs}
    found = {"models": outcomes} if len(outcomes) > 1 else next(iter(outcomes.values()))
    write_json(args.output, {"images": origin, **found, "provenance": provenance(args.trial, {}, list(outcomes))})


def outcome_of(spec: dict[str, Any], images: "NDArray[np.uint8]", classes: list[str]) -> dict[str, Any]:
    """What a network gives for images (n, height, width, channels); `InputError` where it cannot be used."""
    from workflow_scripts.networks.architectures import build_model
    from workflow_scripts.networks.model_trial import check_scores_differ

    given = spec["path"] or spec["weights"]
    model = build_model(spec, images.shape[1:], len(classes), images)
    scores = check_scores_differ(given, model, images, spec)
    trained = [] if spec["mode"] == "annotate" else model.trainable_variables
    outcome = {
        "scores": scores.astype(float).round(6).tolist(),
        "score_of": classes[1] if scores.shape[1] == 1 else classes,
        "parameters": model.count_params(),
        "trained_parameters": sum(math.prod(variable.shape) for variable in trained),
    }
    logging.info("%s: %s", given, outcome)
    return outcome


if __name__ == "__main__":
    run_step(main, parser)
