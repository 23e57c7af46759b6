"""A finished experiment whose errors follow the seeing, corrected as the workflow does it."""

import json
from pathlib import Path

import pandas as pd

from tests.unit.bias.imaged_experiment import imaged_experiment
from workflow_scripts.correct_bias import main, parser
from workflow_scripts.errors import InputError


def correct(folder: Path, keys: dict | None = None, labelled_at_random: bool = False, **options) -> Path:
    """The folder of the correction of an experiment made with `options` of `imaged_experiment`, beside its JSON."""
    experiment, files, catalog = imaged_experiment(folder, **options)
    draws = {"combine": "paired", "resamples": [0, 1, 2], "seeds": [0, 1, 2]}
    experiment["arms"] = {"halves": {"footprints": ["east", "west"], "networks": ["net"], **draws}}
    experiment["footprints"] = {name: {"axis": None, "family": None} for name in ("east", "west")}
    experiment["tests"] |= {"labelled_at_random": labelled_at_random}
    for number, file in enumerate(files):
        footprint, draw = ("east", "west")[number // 3], number % 3
        place = folder / "runs" / footprint / "net" / f"resample{draw}_seed{draw}" / "annotations.parquet"
        place.parent.mkdir(parents=True)
        Path(file).rename(place)
    (folder / "experiment.json").write_text(json.dumps(experiment))
    wanted = {"arm": None, "method": "auto", "nside": None, **(keys or {})}
    main(
        parser.parse_args(
            [
                *("--experiment", json.dumps(experiment), "--correction", json.dumps(wanted)),
                *(
                    "--catalog",
                    str(catalog),
                    "--annotations",
                    str(folder / "runs" / "{run_id}" / "annotations.parquet"),
                ),
                *("--output-folder", str(folder / "correction")),
            ]
        )
    )
    return folder / "correction"


def sentence_of_refusal(folder: Path, *arguments, **options) -> str:
    """The sentence with which a correction stops; nothing may be left behind."""
    try:
        correct(folder, *arguments, **options)
    except InputError as error:
        assert not (folder / "correction").exists()
        return str(error)
    raise AssertionError("it did not stop")


def summary_of(folder: Path) -> dict:
    return json.loads((folder / "correction.json").read_text())


def mock_of(catalog: Path, path: Path) -> Path:
    """A mock with the positions and seeing of a catalog, all of whose labels are known."""
    table = pd.read_parquet(catalog)[["ra", "dec", "psf_fwhm_arcsec"]]
    table["spiral"] = (pd.Series(range(len(table))) % 2).astype(int)
    table["name"] = [f"m{number}" for number in range(len(table))]
    table.to_parquet(path)
    return path
