"""What Snakemake loses of a configuration on its way from files and command line is mended or refused."""

import copy
import re

import pytest
from snakemake.cli import parse_config
from snakemake.utils import update_config

from tests.small_experiment import CONFIG
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.sources import Source, all_sources, overlay, refuse_repeated_options
from workflow_scripts.configuration.user_files import check_user_files
from workflow_scripts.errors import InputError


def given(*arguments):
    """The small experiment with `--config`, merged as Snakemake does, and types mended."""
    config = copy.deepcopy(CONFIG)
    update_config(config, parse_config(list(arguments)))
    return all_sources(config, [], arguments)


def test_values_within_mappings_keep_their_types():
    config, _ = given(
        "experiments={first: {tests: {permutations: 150}, arms: {halves: {seeds: [0, 1]}}}}", "gpu={enabled: true}"
    )
    assert load(config).experiment("first")["tests"]["permutations"] == 150
    assert config["experiments"]["first"]["arms"]["halves"]["seeds"] == [0, 1]
    assert config["experiments"]["first"]["survey"] == "pixels"
    assert load(config).gpu is True


def test_scalars_and_texts_stay_as_snakemake_reads_them():
    config, _ = given("sample=50", "active_experiments=[first]", "footprints={east: {region: {ra_range: [0, 90.5]}}}")
    assert config["sample"] == 50
    assert config["active_experiments"] == ["first"]
    assert config["footprints"]["east"]["region"] == {"ra_range": [0, 90.5]}


def test_a_mistake_of_the_command_line_is_its_own(tmp_path):
    innocent = tmp_path / "experiment.yaml"
    innocent.write_text("experiments: {first: {survey: pixels}}")
    config, sources = given("experiments={first: {tests: {permutations: many}}}")
    with pytest.raises(InputError, match=r"^--config: experiments\.first\.tests\.permutations is 'many', expected a"):
        load(config, [innocent, *sources])
    config, sources = given("smaple=50")
    with pytest.raises(InputError, match=r"^--config: unknown key 'smaple'; did you mean 'sample'"):
        load(config, [innocent, *sources])
    innocent.write_text("experiments: {first: {surveys: pixels}}")
    config["experiments"]["first"]["surveys"] = config.pop("smaple")
    with pytest.raises(InputError, match=r"experiment\.yaml: experiments\.first has the unknown key 'surveys'"):
        load(config, [innocent, Source("--config", {"experiments": {"first": {"tests": {}}}})])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--configfile", "a.yaml", "--cores", "1", "--configfile", "b.yaml"],
        ["--configfile=a.yaml", "--configfiles", "b.yaml"],
        ["--config", "a=1", "-C", "b=2"],
    ],
)
def test_an_option_given_twice_is_refused(arguments):
    with pytest.raises(InputError, match=r"^--config(file)? is given twice"):
        refuse_repeated_options(arguments)
    refuse_repeated_options(["--configfile", "a.yaml", "b.yaml", "--config", "a=1", "b=2"])


def test_a_module_s_configuration_is_laid_over_the_default(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("a: {b: 1, c: [1, 2]}\nd: 3\n")
    config, sources = all_sources({"a": {"c": [5]}, "e": 6}, [file], ["e=7", "a={b: 8}"], "mine")
    # What the command line sets elsewhere in the importing workflow is not for the module.
    assert config == {"a": {"b": 1, "c": [5]}, "d": 3, "e": 6}
    assert [sources[0], sources[1].name] == [file, "config of module mine"]


def test_mappings_are_joined_and_all_else_is_replaced():
    below, above = {"a": {"b": 1, "c": [1, 2]}, "d": 1}, {"a": {"c": [3]}, "d": None}
    assert overlay(below, above) == {"a": {"b": 1, "c": [3]}, "d": None}


FILES = {
    "catalogs.sky.path": lambda c, path: (
        c["catalogs"].update(
            sky={"source": "file", "path": path, "columns": {"source_id": "i", "ra": "r", "dec": "d", "label": "l"}}
            | {"classes": ["a", "b"]}
        )
        or c["surveys"].update(pixels={"kind": "local", "catalog": "sky", "path": "stamps"})
    ),
    "surveys.pixels.path": lambda c, path: c["surveys"].update(
        pixels={"kind": "local", "catalog": "sky", "path": path}
    ),
    "surveys.pixels.coverage.moc": lambda c, path: c["surveys"].update(
        pixels={"kind": "legacy", "catalog": "sky", "coverage": {"moc": path}}
    ),
    "footprints.east.region.moc.path": lambda c, path: c["footprints"]["east"].update(region={"moc": {"path": path}}),
    "networks.net.weights": lambda c, path: c["networks"]["net"].update(mode="fine_tune", weights=path),
    "audits.mine.path": lambda c, path: c.update(
        active_audits=["mine"], audits={"mine": {"path": path, "label": ["kind"]}}
    ),
    "audits.mine.compare": lambda c, path: c.update(
        active_audits=["mine"], audits={"mine": {"path": "README.md", "compare": path, "label": ["kind"]}}
    ),
}


@pytest.mark.parametrize("key", FILES)
@pytest.mark.parametrize("missing_files", ["error", "accept"])
def test_what_snakemake_takes_for_a_wildcard_is_refused(key, missing_files):
    config = copy.deepcopy(CONFIG) | {"missing_files": missing_files}
    path = "my {x}/file" + {"networks.net.weights": ".weights.h5"}.get(key, "")
    FILES[key](config, path)
    with pytest.raises(InputError, match=rf"{key} is '{re.escape(path)}', expected a path without words in braces"):
        check_user_files(load(config))
