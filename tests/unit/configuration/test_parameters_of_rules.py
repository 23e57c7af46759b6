"""What reaches a rule: one line of text, changed by exactly the keys that can change the rule's output."""

import copy
import json
from collections.abc import Callable

import pytest
import yaml

from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter, readable
from workflow_scripts.errors import InputError

CONFIG = yaml.safe_load("""
active_experiments: [main]
catalogs: {sky: {source: simulated}}
surveys: {survey: {kind: simulated, catalog: sky}}
recipes: {rgb32: {}}
matchings: {apart: {disjoint: true}, shared: {disjoint: false}}
footprints:
  control: {region: {random_sky: {count: 3, seed: 5}}, matching: shared}
  rival: {region: {random_sky: {count: 3, seed: 6}}, matching: apart}
networks: {small: {architecture: lenet5, recipe: rgb32}}
experiments:
  main: {survey: survey, arms: {all: {footprints: [control, rival], networks: [small]}}}
""")


def parameters(config: dict) -> dict[str, str]:
    """Every parameter of the configuration above, as rules get them."""
    settings = load(config)
    entries = {
        "sky": settings.sky_parameter("sky"),
        "catalog": settings.catalog_parameter("sky"),
        "survey": settings.survey_parameter("survey"),
        "recipe": settings.recipe("rgb32"),
        "region": settings.footprint_region("control_00"),
        "training_set": settings.training_set_parameter("control_00"),
        "disjoint_training_set": settings.training_set_parameter("rival_00"),
        "network": settings.network("small"),
        "bias": settings.bias_parameter("main"),
        "design": settings.design_parameter("main"),
        "figures": settings.figures_parameter("main"),
        "data": settings.data_parameter("main"),
    }
    return {name: as_parameter(entry) for name, entry in entries.items()}


def edit(*path: str, value: object) -> Callable[[dict], None]:
    def apply(config: dict) -> None:
        for key in path[:-1]:
            config = config.setdefault(key, {})
        config[path[-1]] = value

    return apply


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        (edit("experiments", "main", "description", value="another line"), {"figures"}),
        (edit("experiments", "main", "tests", value={"alpha": 0.05}), {"bias", "design"}),
        (edit("experiments", "main", "tests", value={"effect": 0.1}), {"bias", "design"}),
        (edit("experiments", "main", "tests", value={"seed": 3}), {"bias"}),
        (edit("experiments", "main", "allow_unanswerable", value=True), {"design"}),
        (edit("experiments", "main", "figures", value={"dpi": 99}), {"figures"}),
        (edit("experiments", "main", "figures", value={"titles_in_pdf": False}), {"figures"}),
        (edit("catalogs", "sky", "split", value={"salt": "other"}), {"catalog"}),
        (edit("sample", value=100), {"catalog"}),
        (edit("catalogs", "sky", "n_galaxies", value=99), {"sky", "catalog"}),
        (edit("surveys", "survey", "cutout", value={"size_px": 48}), {"survey"}),
        (edit("surveys", "survey", "max_failed_share", value=0.5), set()),
        (edit("recipes", "rgb32", "size_px", value=48), {"recipe"}),
        (edit("networks", "small", "epochs", value=3), {"network"}),
        (edit("matchings", "shared", "per_class", value=7), {"training_set", "design"}),
        (edit("footprints", "control", "region", "random_sky", "count", value=2), {"bias", "design"}),
        (
            edit("footprints", "rival", "region", "random_sky", "count", value=2),
            {"bias", "design", "disjoint_training_set"},
        ),
        (edit("footprints", "spare", value={"region": {"whole_sky": True}, "matching": "apart"}), set()),
        (edit("gpu", value={"enabled": True}), set()),
        # A number written another way, or a default written out.
        (edit("networks", "small", "optimizer", value={"learning_rate": 2.0e-3}), set()),
        (edit("footprints", "control", "region", "random_sky", "area_fraction", value=0.5), set()),
    ],
)
def test_a_key_touches_only_the_steps_that_read_it(change, touched):
    before = parameters(copy.deepcopy(CONFIG))
    config = copy.deepcopy(CONFIG)
    change(config)
    after = parameters(config)
    assert {name for name in before if before[name] != after[name]} == touched


def test_parameter_is_one_line_with_sorted_keys():
    text = as_parameter({"b": [1, 2.5, None, True], "a": {"d": "ü", "c": 1}})
    assert text == '{"a":{"c":1,"d":"ü"},"b":[1,2.5,null,true]}'
    assert json.loads(text)["b"] == [1, 2.5, None, True]


def test_nan_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        as_parameter({"a": float("nan")})


def test_entries_are_copies():
    settings = load(copy.deepcopy(CONFIG))
    settings.network("small")["optimizer"]["name"] = "sgd"
    assert settings.network("small")["optimizer"]["name"] == "adam"


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda settings: settings.catalog("skye"), "'skye' is not in catalogs; did you mean 'sky'?"),
        (lambda settings: settings.footprint("control"), "'control' is not in footprints; did you mean 'control_0"),
        (lambda settings: settings.runs("mine"), "'mine' is not in experiments; did you mean 'main'?"),
    ],
)
def test_unknown_names_in_a_wanted_path(ask, expected):
    with pytest.raises(InputError) as caught:
        ask(load(copy.deepcopy(CONFIG)))
    assert expected in str(caught.value)


def test_entries_are_told_in_words():
    entry = {"epochs": 25, "optimizer": {"rate": 0.1, "name": "adam"}, "path": None, "files": [], "flips": True}
    assert readable(entry) == "epochs 25, flips true, optimizer.name adam, optimizer.rate 0.1"
    assert readable({"region": {"ra_range": [0.0, 180.0]}}) == "region.ra_range [0.0, 180.0]"
    assert readable({}) == ""
