"""Another workflow imports skybias with `module`, also under a prefix."""

import os
import re
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from tests.small_experiment import CONFIG

pytestmark = [pytest.mark.slow, pytest.mark.long]

IMPORTER = """
configfile: "config.yaml"
{first}
module skybias:
    snakefile: "{snakefile}"
    config: {config}
    {prefix}

use rule * from skybias{renamed}
{last}
"""
TABLE = {
    "source": "file",
    "path": "galaxies.csv",
    "columns": {"source_id": "id", "ra": "ra", "dec": "dec", "label": "kind"},
    "classes": ["elliptical", "spiral"],
    "label_values": {"e": "elliptical", "s": "spiral"},
}


@pytest.fixture
def importing(repository, tmp_path):
    """Run a workflow that imports this checkout; what it does."""

    def run(*arguments, config=CONFIG, prefix="", part="config", renamed="", first="", last=""):
        (tmp_path / "workflow").mkdir(exist_ok=True)
        parts = {"config": part, "prefix": prefix, "renamed": renamed, "first": first, "last": last}
        text = IMPORTER.format(snakefile=repository / "Snakefile", **parts)
        (tmp_path / "workflow" / "Snakefile").write_text(text)
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": ""},
            text=True,
            timeout=300,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    return run


def test_a_module_runs_under_its_prefix(importing, tmp_path):
    rows = [{"id": f"g{n}", "ra": 15.0 * n, "dec": 3.0 * n - 30, "kind": "es"[n % 2]} for n in range(24)]
    pd.DataFrame(rows).to_csv(tmp_path / "galaxies.csv", index=False)
    # The user's table stays where it is; what is made of it goes below the prefix.
    config = CONFIG | {"catalogs": {**CONFIG["catalogs"], "mine": TABLE}}
    made = ["mine/results/catalog/mine/catalog.parquet", "mine/results/cutouts/pixels/tile0.parquet"]
    done = importing(*made, config=config, prefix='prefix: "mine"')
    assert done.returncode == 0, done.stdout
    assert len(pd.read_parquet(tmp_path / made[0])) == 24
    assert (tmp_path / made[1]).is_file()
    assert {path.name for path in tmp_path.iterdir()} == {
        *("workflow", "config.yaml", "galaxies.csv", ".snakemake", "mine"),
    }
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {"results", "logs", "benchmarks"}


def test_every_path_of_every_command_is_below_the_prefix(importing):
    planned = importing("--dry-run", "--printshellcmds", "all", prefix='prefix: "mine"')
    assert planned.returncode == 0, planned.stdout
    commands = re.findall(r"^ *Shell command: (.*)|^ *(python -m workflow_scripts.*)", planned.stdout, re.MULTILINE)
    assert len(commands) > 30
    # A parameter may be JSON with several paths.
    paths = re.findall(r"[^\s\"]*(?:results|logs|benchmarks)/[^\s\"]*", " ".join("".join(pair) for pair in commands))
    assert len(paths) > 100
    assert [path for path in paths if not re.match(r"(\S*=)?'?mine/", path)] == []


def test_rules_can_be_renamed(importing):
    planned = importing("--dry-run", "results/bias/first/summary.json", renamed=" as skybias_*")
    assert planned.returncode == 0, planned.stdout
    assert re.search(r"^skybias_measure_bias +1$", planned.stdout, re.MULTILINE)


def test_the_target_is_the_importers_own(importing):
    rule = 'rule all:\n    {target}input: "results/catalog/sky/catalog.parquet"\n'
    above, marked = rule.format(target=""), rule.format(target="default_target: True\n    ")
    for place in ({"first": above}, {"last": marked}):
        planned = importing("--dry-run", renamed=" as skybias_*", **place)
        assert planned.returncode == 0, planned.stdout
        assert re.search(r"^all +1$", planned.stdout, re.MULTILINE)
        assert "skybias_all" not in planned.stdout
        assert re.search(r"^total +3$", planned.stdout, re.MULTILINE)


def test_a_mistake_in_the_configuration_of_a_module_is_one_sentence(importing):
    refused = importing("--dry-run", config={"skybias": {**CONFIG, "smaple": 3}}, part='config["skybias"]')
    assert refused.returncode
    assert "config of module skybias: unknown key 'smaple'; did you mean 'sample'?" in refused.stdout
    refused = importing("--dry-run", config={"sky": CONFIG | {"sample": "all"}}, part='config["sky"]')
    assert "config of module skybias: sample is 'all', expected a whole number or null" in refused.stdout
    # What is the importer's own needs a section of its own.
    refused = importing("--dry-run", config={**CONFIG, "samples_of_mine": 3})
    assert "config of module skybias: unknown key 'samples_of_mine'" in refused.stdout
