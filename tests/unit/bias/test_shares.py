"""Shares of the effects of an experiment, from annotations of versions, and the answers made of them."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.unit.bias.synthetic_experiment import SEEING, experiment_runs
from workflow_scripts.answers.answer import Answer
from workflow_scripts.bias.share_answers import share_answers
from workflow_scripts.bias.shares import measured_shares
from workflow_scripts.errors import InputError
from workflow_scripts.measure_bias import measure
from workflow_scripts.sky.unit_vectors import right_ascension_declination, unit_vectors

PROPERTIES = ["seeing", "noise"]
VERSIONS = [
    {"common": common, "survey": "_".join(["pixels", *common]), "networks": {"net": "net"}}
    for common in ([], ["seeing"], ["noise"], ["seeing", "noise"])
]
COUNTERFACTUAL = {"properties": PROPERTIES, "constant": ["background"], "versions": VERSIONS, "retrained": []}
# Of the common dipole, and of the fraction's response to the footprint.
DIPOLE, RESPONSE = {"seeing": 0.15, "noise": 0.0}, {"seeing": 0.06, "noise": 0.04}


def write_versions(folder, effect: float = 1.0, n: int = 3000) -> tuple[dict, str, str]:
    """(experiment, pattern of annotations, catalog): missed positives follow the seeing of sky and footprint."""
    random = np.random.default_rng(4)
    vectors = random.normal(size=(n, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ra, dec = right_ascension_declination(vectors)
    ids = [f"g{number:05d}" for number in range(n)]
    truth = random.random(n) < 0.5
    runs = experiment_runs()
    for run in runs:
        axis = unit_vectors(*run["axis"]) @ SEEING if run["axis"] else {"east": 1, "west": -1}.get(run["footprint"], 0)
        own, shift = random.random(n), random.normal(0, 0.003)
        for version in VERSIONS:
            uncommon = [name for name in PROPERTIES if name not in version["common"]]
            chance = 0.5 + shift
            chance += effect * sum(DIPOLE[name] for name in uncommon) * 2 * (vectors @ SEEING)
            chance += effect * sum(RESPONSE[name] for name in uncommon) * 2 * axis
            label = (truth & (own < chance)).astype(np.int8)
            file = folder / version["survey"] / run["run_id"] / "annotations.parquet"
            file.parent.mkdir(parents=True)
            table = {"source_id": ids, "ra": ra, "dec": dec, "score": label.astype(np.float32), "label": label}
            pd.DataFrame(table).to_parquet(file)
    catalog = folder / "catalog.parquet"
    labels = pd.array(truth.astype(int), dtype="Int8")
    pd.DataFrame({"source_id": ids, "ra": ra, "dec": dec, "label": labels}).to_parquet(catalog)
    arms: dict = {}
    for run in runs:
        arm = arms.setdefault(run["arm"], {"footprints": [], "networks": ["net"], "combine": "all"})
        arm["footprints"] = [*dict.fromkeys([*arm["footprints"], run["footprint"]])]
        arm |= {"resamples": [0], "seeds": [0, 1]}
    arms["halves"] |= {"resamples": [0, 1], "combine": "paired"}
    tests = {"alpha": 0.01, "effect": 0.05, "permutations": 2000, "seed": 0, "ra_bins": 12, "scan_nside": 8}
    tests |= {"primary": [], "templates": [], "confidence_cuts": [0.1], "labelled_at_random": False}
    experiment = {
        **{"name": "synthetic", "survey": "pixels", "simulated": False, "classes": ["elliptical", "spiral"]},
        **{"arms": arms, "opposite": [["east", "west"]], "tests": tests},
        "footprints": {run["footprint"]: {"axis": run["axis"], "family": run["family"]} for run in runs},
    }
    return experiment, f"{folder}/{{survey}}/{{run_id}}/annotations.parquet", str(catalog)


@pytest.fixture(scope="module")
def shared_out(tmp_path_factory):
    """Shares, and the summary of the experiment that asks for them."""
    folder = tmp_path_factory.mktemp("versions")
    experiment, pattern, catalog = write_versions(folder)
    found = measured_shares(experiment, COUNTERFACTUAL, pattern, catalog)
    (folder / "shares.json").write_text(json.dumps(found))
    runs = experiment_runs()
    files = [pattern.format(survey="pixels", run_id=run["run_id"]) for run in runs]
    measure(experiment, runs, files, catalog, folder / "bias", shares=folder / "shares.json")
    return found, json.loads((folder / "bias" / "summary.json").read_text())


def test_every_effect_is_that_of_a_test_of_the_experiment(shared_out):
    found, summary = shared_out
    tests = {test["name"] for test in summary["tests"]}
    assert {effect["test"] for effect in found["effects"]} <= tests
    assert [effect["test"] for effect in found["effects"]] == [
        "fraction_contrast east - west",
        "fraction_response",
        "pattern_response",
        "common_dipole",
    ]


def test_shares_hold_what_was_put_in(shared_out):
    found, _ = shared_out
    effects = {effect["test"]: effect for effect in found["effects"]}
    wanted = {"common_dipole": (1.0, 0.0, 0.0), "fraction_response": (0.6, 0.4, 0.0)}
    wanted |= {"fraction_contrast east - west": (0.6, 0.4, 0.0)}
    for test, shares in wanted.items():
        assert effects[test]["p"] < 0.01
        for (name, share), truth in zip(effects[test]["shares"].items(), shares, strict=True):
            low, high = share["ci95"]
            assert low <= truth <= high, (test, name)
            assert high - low < 0.5


def test_answers_stand_in_the_summary_outside_the_primary_family(shared_out):
    _, summary = shared_out
    answers = {one["test"]: one for one in summary["answers"] if one["test"].startswith("share")}
    seeing, noise = (answers[f"share_of_{name} common_dipole"] for name in PROPERTIES)
    assert seeing["question"] == "Does seeing carry the common dipole?"
    assert (seeing["answer"], noise["answer"]) == ("yes", "no")
    assert seeing["effect"]["ci95"][0] < 1 < seeing["effect"]["ci95"][1]
    assert noise["limit95"] < 0.25
    assert {one["role"] for one in answers.values()} == {"secondary"}
    assert not any(name.startswith("share") for name in summary["primary"])
    assert "Seeing carries 1.0" in summary["verdict"] or "Seeing carries 0.9" in summary["verdict"]
    assert any("Background: the same all over this sky" in sentence for sentence in seeing["because"])


def test_without_an_effect_there_is_nothing_to_explain(tmp_path):
    given = write_versions(tmp_path, effect=0.0, n=1500)
    found = measured_shares(given[0], COUNTERFACTUAL, *given[1:])
    answers = share_answers(found, [], 0.01)
    assert {one.answer for one in answers} == {"cannot tell"}
    assert all("nothing to explain" in one.statement or "cannot be decided" in one.statement for one in answers)


def share(value, low, high, p=0.5):
    return {"share": value, "ci95": [low, high], "limit95": max(abs(low), abs(high)), "p": p}


def answered(shares, p=0.0001, own="yes", p_own=0.2, properties=("seeing",)):
    found = {"properties": list(properties), "constant": []}
    found["effects"] = [{"test": "common_dipole", "effect": "the common dipole", "retrained": False, "p": p}]
    found["effects"][0]["shares"] = shares
    common = Answer("Do they?", "common_dipole", own, "They do", "They do", p_adjusted=p_own, limit95=0.1)
    return share_answers(found, [common], 0.01)


@pytest.mark.parametrize(
    ("seeing", "answer", "words"),
    [
        (share(0.92, 0.8, 1.05, 1e-6), "yes", "Seeing carries 0.92 (95 %: 0.80 to 1.05) of the common dipole; what is"),
        (share(0.05, -0.1, 0.2), "no", "more than 0.200 is excluded at 95 %"),
        (share(0.2, -0.3, 0.7), "cannot tell", "whether that is more than nothing cannot be decided"),
    ],
)
def test_answer_of_one_share(seeing, answer, words):
    (one,) = answered({"seeing": seeing, "left": share(0.08, -0.05, 0.2)})
    assert one.answer == answer
    assert words in one.statement


def test_an_effect_that_is_none_is_not_shared_out():
    shares = {"seeing": share(0.9, 0.8, 1.0, 1e-9), "left": share(0.1, 0, 0.2)}
    for found in (
        answered(shares, own="cannot tell"),
        answered(shares, p=0.2),
        answered({**shares, "left": {**share(0, 0, 0), "ci95": None}}),
    ):
        assert [one.answer for one in found] == ["cannot tell"]
        assert found[0].statement == "There is nothing to explain in the common dipole"
    for p in (None, 0.001):
        (one,) = answered(shares, own="cannot tell", p_own=p)
        assert one.statement == "What carries the common dipole cannot be decided"


def test_properties_that_do_not_vary_carry_nothing():
    (one,) = share_answers({"properties": [], "constant": ["noise", "extinction"], "effects": []}, [], 0.01)
    assert one.answer == "no"
    assert one.statement == "Noise and extinction carry nothing: each is the same all over this sky"


def test_versions_of_other_galaxies_are_refused(tmp_path):
    experiment, pattern, catalog = write_versions(tmp_path, n=300)
    for run in experiment_runs():
        file = pattern.format(survey="pixels_noise", run_id=run["run_id"])
        pd.read_parquet(file).iloc[1:].to_parquet(file)
    with pytest.raises(InputError, match=r"pixels_noise/.*: has other galaxies than .*pixels/"):
        measured_shares(experiment, COUNTERFACTUAL, pattern, catalog)


def test_networks_that_are_trained_again_have_shares_of_their_own(tmp_path):
    experiment, pattern, catalog = write_versions(tmp_path, n=1500)
    # As if training with common properties gave the same labels as annotating with them.
    counterfactual = {**COUNTERFACTUAL, "retrained": VERSIONS}
    effects = measured_shares(experiment, counterfactual, pattern, catalog)["effects"]
    half = len(effects) // 2
    for shown, both in zip(effects[:half], effects[half:], strict=True):
        assert (shown["retrained"], both["retrained"]) == (False, True)
        assert both["effect"] == f"{shown['effect']}, with training and annotated images alike"
        assert both["shares"] == shown["shares"]
    common = Answer("Do they?", "common_dipole", "yes", "They do", "They do", p_adjusted=1e-9)
    found = {"properties": PROPERTIES, "constant": [], "effects": [effects[half - 1], effects[-1]]}
    tests = [one.test for one in share_answers(found, [common], 0.01)]
    assert tests == [f"share_of_{name}{suffix} common_dipole" for suffix in ("", "_retrained") for name in PROPERTIES]
