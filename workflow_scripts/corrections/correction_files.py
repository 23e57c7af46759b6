"""All files of a correction."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.corrections.bias_model import bias_model_of, write_bias_model
from workflow_scripts.corrections.debiased_map import DebiasedMap, write_map
from workflow_scripts.corrections.measured_correction import MeasuredCorrection
from workflow_scripts.statistics.result import plain
from workflow_scripts.tables import write_json, write_table
from workflow_scripts.whole_file import whole_file


def write_correction(
    folder: Path, measured: MeasuredCorrection, nside: int | None, name: str, record: Mapping[str, Any]
) -> None:
    """Write everything; the summary last, when all else is there. Raises `InputError` as `write_map`."""
    made = DebiasedMap.of(measured, nside)
    cards = {
        "CREATOR": ("skybias", "software"),
        "EXPERIM": (name[-40:], "experiment or audit"),
        "METHOD": (measured.method, "of the correction"),
        "NGAL": (len(measured.share), "galaxies"),
        "NTRAIN": (measured.galaxies.training_sets, "training sets"),
        "EXCESS": (measured.found.excess, "of clustering, in VARIANCE"),
    }
    if rates := measured.summary["rates"]:
        cards["TPR"] = (rates["true_positive_rate"], "mean true-positive rate")
        cards["FPR"] = (rates["false_positive_rate"], "mean false-positive rate")
    maps = write_map(folder / "maps", made, cards)
    weights = pd.DataFrame(
        {
            "source_id": measured.galaxies.source_id.astype(str),
            "fraction": measured.share,
            "weight": measured.weights[:, 0],
            "weight_negative": measured.weights[:, 1],
        }
    )
    write_table(folder / "weights.parquet", weights, record)
    with whole_file(folder / "coefficients.csv") as temporary:
        pd.DataFrame(measured.coefficients).to_csv(temporary, index=False, float_format="%.9g")
    write_bias_model(folder / "bias.json", bias_model_of(measured), record)
    summary = {
        "experiment": name,
        **measured.summary,
        "map": {"files": [path.name for path in maps], "nside": made.nside, "sky_covered": made.covered},
        "inputs": record["inputs"],
        "versions": record["versions"],
        "provenance": {"config": record["config"], "seeds": record["seeds"], "git": record["git"]},
    }
    write_json(folder / "correction.json", plain(summary), sort_keys=False)
