"""The metadata of an archive are a valid RO-Crate, by the validator of those who make them."""

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from workflow_scripts.crates.experiment_archive import write_archive

SCRIPT = Path(__file__).parent / "validator" / "validate_crate.py"
PROFILES = ["workflow-run-crate-0.5", "workflow-ro-crate-1.0"]


@pytest.fixture
def archive(finished) -> Path:
    return write_archive(finished.run, "experiment", "first", "make it", finished.checkout)


def complaints(crate: Path, profile: str, repository: Path) -> list[str]:
    python = os.environ.get("SKYBIAS_VALIDATOR_PYTHON", str(repository / ".venv-validator" / "bin" / "python"))
    if not Path(python).is_file():
        pytest.skip("no validator of RO-Crates: `make crate-validator`, or name its Python in SKYBIAS_VALIDATOR_PYTHON")
    command = [python, str(SCRIPT), str(crate), profile]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return result.stdout.splitlines()


@pytest.mark.parametrize("profile", PROFILES)
def test_an_archive_is_valid(archive, profile, repository):
    assert complaints(archive, profile, repository) == []


def test_the_validator_finds_what_is_wrong(archive, tmp_path, repository):
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(tmp_path / "damaged.zip", "w") as damaged:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "ro-crate-metadata.json":
                graph = json.loads(content)
                graph["@graph"] = [
                    {key: value for key, value in entity.items() if key != "instrument"} for entity in graph["@graph"]
                ]
                content = json.dumps(graph).encode()
            if name != "results/bias/first/runs.csv":
                damaged.writestr(name, content)
    found = "\n".join(complaints(tmp_path / "damaged.zip", PROFILES[0], repository))
    assert "instrument" in found
    assert "results/bias/first/runs.csv" in found
