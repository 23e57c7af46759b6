"""Networks that are programs of the user's: which entries and commands are refused, and which files decide a rerun."""

import copy

import pytest

from tests.small_experiment import CONFIG
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter, readable
from workflow_scripts.configuration.program_networks import names_of_programs
from workflow_scripts.configuration.user_files import check_user_files
from workflow_scripts.errors import InputError
from workflow_scripts.networks.program_command import argument_list

TRAIN = "fit.py --images {images} --labels {labels} --model {model}.pt --seed {seed}"
ANNOTATE = "fit.py --images {images} --model {model}.pt --scores {scores}.npy"


def with_network(**changes):
    config = copy.deepcopy(CONFIG)
    entry = {"command": {"train": TRAIN, "annotate": ANNOTATE}, "python": "python3", "recipe": "small", **changes}
    config["networks"]["mine"] = {key: value for key, value in entry.items() if value is not None}
    config["experiments"]["first"]["arms"]["control"]["networks"] = ["mine"]
    return config


def command(train=TRAIN, annotate=ANNOTATE):
    return {"command": {"train": train, "annotate": annotate}}


def test_an_entry_has_what_the_program_depends_on_and_nothing_of_keras():
    settings = load(with_network())
    assert settings.network("mine") == {
        "architecture": "program",
        "command": {"train": TRAIN, "annotate": ANNOTATE},
        "python": "python3",
        "recipe": "small",
        "threads": 1,
    }
    assert names_of_programs(settings.completed["networks"]) == ["mine"]
    assert "{images}" in readable(settings.network("mine"))
    assert "command" not in as_parameter(settings.network("net"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (command(TRAIN.replace("{seed}", "{sead}")), "command.train has the placeholder {sead}; did you mean {seed}?"),
        (command(annotate=ANNOTATE + " {labels}"), "annotate has the placeholder {labels}"),
        (command(TRAIN.replace("{labels}", "")), "train lacks {labels}, expected all of {images}, {labels}, {model}"),
        (command(annotate=ANNOTATE.replace("{scores}.npy", "{scores}")), "expected the format at its end: one of"),
        (command(annotate=ANNOTATE.replace("{scores}.npy", "{scores}.pkl")), "{scores}.npy, {scores}.csv, {scores}."),
        (command(TRAIN.replace("{model}", "{model}/../../x")), "leaves the folder of the run; expected no .."),
        (command(TRAIN.replace("{seed}", "{seed.__class__}")), "expected names alone in braces"),
        (command(TRAIN.replace("{seed}", "{seed!r}")), "expected names alone in braces"),
        (command(TRAIN + " {"), "expected placeholders in braces; write {{ or }} for a brace"),
        (command(TRAIN + " 'half"), "cannot be split into words (no closing quotation), expected paired quotes"),
        (command(""), "command.train is empty, expected a command"),
        ({"command": {"train": TRAIN}}, "networks.mine.command lacks the key 'annotate'"),
        ({"epochs": 5}, "networks.mine.epochs is not a key of networks with a command; expected one of architecture"),
        ({"file": []}, "unknown key 'file'; did you mean 'files'?"),
        ({"conda": "zoo"}, "networks.mine has python and conda, expected one of them"),
        ({"command": None, "architecture": "lenet5"}, "mine.python is given for architecture lenet5, expected it for"),
        ({"command": None, "architecture": "program"}, "has architecture: program, expected the key command"),
        ({"architecture": "lenet5"}, "mine.command is given for architecture lenet5, expected it for program only"),
        ({"command": None, "python": None}, "networks.mine lacks the key 'architecture'"),
    ],
)
def test_a_mistaken_entry_is_one_sentence(changes, expected):
    with pytest.raises(InputError) as refused:
        load(with_network(**changes))
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_shell_reads_a_word():
    network = load(with_network(**command(train=TRAIN + """ '$(rm -rf *); {{"a b": 1}}' `id` > out""")))
    values = {"images": "/a b/$HOME;x", "labels": "l", "model": "m", "seed": "3"}
    words = argument_list(network.network("mine"), "train", values)
    assert words[:4] == ["python3", "fit.py", "--images", "/a b/$HOME;x"]
    assert words[6:] == ["--model", "m.pt", "--seed", "3", '$(rm -rf *); {"a b": 1}', "`id`", ">", "out"]


def test_scripts_named_files_and_listed_folders_are_the_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("fit.py", "options.yaml", "zoo/net.py", "zoo/deep/head.py", "zoo/__pycache__/net.pyc", "zoo/.git/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    config = with_network(files=["zoo"], **command(train=TRAIN + " --options options.yaml"))
    settings, run = load(config), {"footprint": "east", "network": "mine", "resample": 0, "seed": 0}
    assert settings.network_files(run) == ["fit.py", "options.yaml", "zoo/deep/head.py", "zoo/net.py"]
    check_user_files(settings)
    config["networks"]["mine"]["files"] = ["zoo/*.py"]
    assert load(config).network_files(run) == ["fit.py", "options.yaml", "zoo/net.py"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "networks.mine.command.train is 'fit.py', which does not exist (did you mean 'fits.py'?)"),
        (
            command(TRAIN.replace("fit.py", "fits.py"), "-m fit" + ANNOTATE[6:]) | {"files": ["zoo"]},
            "files[0] is 'zoo'",
        ),
        (
            {**command(TRAIN.replace("fit", "fits"), ANNOTATE.replace("fit", "fits")), "python": "env/bin/python"},
            "python is",
        ),
        ({"python": None, "conda": "./env"}, "networks.mine.conda is './env', which does not exist"),
    ],
)
def test_a_missing_file_of_the_program_is_named(changes, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fits.py").write_text("x")
    with pytest.raises(InputError) as refused:
        check_user_files(load(with_network(**changes)))
    assert expected in str(refused.value)


def test_a_dose_blurs_the_images_of_a_program():
    config = with_network()
    config["experiments"]["first"]["controls"] = {"dose": {"footprint": "north", "blur_fwhm_arcsec": [2]}}
    settings = load(config)
    assert names_of_programs(settings.completed["networks"]) == ["mine", "mine_blur2"]
