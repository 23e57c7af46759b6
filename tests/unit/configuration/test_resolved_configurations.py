"""A resolved configuration, as an archive has it, can be loaded again and is the same."""

from pathlib import Path

import pytest
import yaml

from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.sources import overlay

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = ROOT / "config.yaml"
EVERYTHING = {
    "why": {"probe": {}, "counterfactual": ["seeing", "noise"]},
    "remedies": ["mixed_sky", "homogenised", "strata", "aligned", "ensemble"],
    "controls": {"placebo": True, "shuffled_sky": True},
    "correction": True,
}


def loaded(*files):
    """The configuration of files that overlay each other, as Snakemake merges them."""
    merged = {}
    for file in files:
        merged = overlay(merged, yaml.safe_load(file.read_text(encoding="utf-8")))
    return load(merged, files)


NAMES = sorted(path.stem for path in (ROOT / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("name", ["config", "everything", *NAMES])
def test_it_is_the_same_when_loaded_again(name, tmp_path):
    files = [DEFAULT] if name == "config" else [DEFAULT, ROOT / "experiments" / f"{name}.yaml"]
    if name == "everything":
        files[1] = tmp_path / "everything.yaml"
        files[1].write_text(yaml.safe_dump({"experiments": {"default": EVERYTHING}}))
    first = loaded(*files)
    written = tmp_path / "configuration_resolved.yaml"
    written.write_text(yaml.safe_dump(first.resolved, allow_unicode=True), encoding="utf-8")
    again = loaded(DEFAULT, written)
    assert again.resolved == first.resolved
    assert again.completed == first.completed
