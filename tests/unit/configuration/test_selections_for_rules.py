"""What rules read of the whole configuration: surveys, images and training sets of experiments, files of networks."""

import copy

import pytest

from tests.small_experiment import CONFIG
from workflow_scripts.configuration.control_entries import trained_network
from workflow_scripts.configuration.derived_runs import active_images
from workflow_scripts.configuration.given_models import trial_parameter, trials
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.user_files import check_user_files
from workflow_scripts.errors import InputError


def changed(**first):
    """The small experiment with other keys."""
    config = copy.deepcopy(CONFIG)
    config["experiments"]["first"].update(first)
    return config


def test_active_experiments_name_their_images():
    config = changed()
    config["surveys"]["idle"] = copy.deepcopy(config["surveys"]["pixels"])
    settings = load(config)
    assert active_images(settings) == [("pixels", "small")]
    config["active_experiments"] = []
    assert active_images(load(config)) == []


def test_images_that_two_experiments_share_are_listed_once():
    config = changed()
    config["experiments"]["second"] = copy.deepcopy(config["experiments"]["first"])
    config["active_experiments"] = ["first", "second"]
    assert active_images(load(config)) == [("pixels", "small")]


def test_a_training_set_that_several_seeds_share_is_listed_once():
    arm = {"footprints": ["west", "east"], "networks": ["net"], "resamples": [1, 0], "seeds": [0, 1], "combine": "all"}
    settings = load(changed(arms={"halves": arm}, opposite=[]))
    assert settings.training_sets("first") == [("west", 1), ("west", 0), ("east", 1), ("east", 0)]


def test_opposite_footprints_are_shown_and_without_them_the_first():
    arm = {"footprints": ["west", "east"], "networks": ["net"], "resamples": [1, 0], "seeds": [0], "combine": "all"}
    opposite = load(changed(arms={"halves": arm}, opposite=[["east", "west"]]))
    assert opposite.shown_training_sets("first") == [("east", 1), ("west", 1)]
    assert load(changed(arms={"halves": arm}, opposite=[])).shown_training_sets("first") == [("west", 1)]


RUN = {"footprint": "east", "network": "net", "resample": 0, "seed": 0}


def test_a_network_starts_from_its_weights_or_from_nothing():
    config = changed()
    assert load(config).network_files(RUN) == []
    config["networks"]["net"] = {"architecture": "file", "mode": "annotate", "path": "m.keras", "recipe": "small"}
    assert load(config).network_files(RUN) == ["m.keras"]


def test_only_networks_of_the_user_are_tried():
    config = changed()
    assert trials(load(config)) == []
    given = {"architecture": "file", "mode": "annotate", "path": "m.keras", "recipe": "small"}
    config["networks"].update(given=given, idle=given)
    config["experiments"]["first"]["arms"]["control"]["networks"] = ["net", "given"]
    assert trials(load(config)) == ["results/training/pixels/models/given.json"]


def of_each_run(path, arm=None, **network):
    given = {"architecture": "file", "mode": "annotate", "path": path, "recipe": "small", **network}
    arm = arm or {"footprints": ["east", "west"], "networks": ["given"], "replicates": 2}
    config = changed(arms={"halves": arm})
    config["networks"]["given"] = given
    return config


def test_each_run_has_a_finished_model_of_its_own():
    settings = load(of_each_run("models/{footprint}/r{resample}_s{seed:02d}.keras"))
    files = [settings.network_files(vars(run)) for run in settings.runs("first")]
    assert files == [[f"models/{name}/r{n}_s0{n}.keras"] for name in ("east", "west") for n in (0, 1)]
    trial = trial_parameter(settings, "pixels", "given")
    assert [trial["models"], trials(settings)] == [
        [one for (one,) in files],
        ["results/training/pixels/models/given.json"],
    ]
    run = vars(settings.runs("first")[2])
    assert trained_network(settings, "pixels", run)["path"] == files[2][0]
    with pytest.raises(InputError, match=r"given\.path names 4 of 4 files that do not exist: 'models/east/r0"):
        check_user_files(settings)
    # One model for all footprints is the same for every run, and tried as before.
    assert "models" not in trial_parameter(load(of_each_run("m.keras")), "pixels", "given")


@pytest.mark.parametrize(
    ("path", "network", "expected"),
    [
        (
            "{footprint}.keras",
            {},
            "networks.given.path gives east/given/resample0_seed0 and east/given/resample1_seed1",
        ),
        ("{foot}.keras", {}, "networks.given.path has '{foot}'; did you mean 'footprint'?"),
        ("{footprint}{seed}.keras", {"mode": "fine_tune"}, "expected a file for each run with annotate only"),
    ],
)
def test_models_of_runs_that_are_none_of_their_own_are_refused(path, network, expected):
    with pytest.raises(InputError) as caught:
        load(of_each_run(path, **network))
    assert expected in str(caught.value)


def test_a_trial_depends_on_how_the_network_is_built_and_not_on_how_it_is_trained():
    config = changed()
    given = {"architecture": "file", "mode": "fine_tune", "path": "m.keras", "recipe": "small", "outputs": "logits"}
    config["networks"]["given"] = given
    before = trial_parameter(load(config), "pixels", "given")
    assert before["image_shape"] == [32, 32, 3]
    assert before["classes"] == ["elliptical", "spiral"]
    config["networks"]["given"] = {**given, "epochs": 3}
    assert trial_parameter(load(config), "pixels", "given") == before
    config["networks"]["given"] = {**given, "trainable": "top"}
    assert trial_parameter(load(config), "pixels", "given") != before


def test_keys_that_are_not_given_leave_a_network_as_it_was():
    assert not {"trainable", "outputs", "input_range"} & set(load(changed()).network("net"))
