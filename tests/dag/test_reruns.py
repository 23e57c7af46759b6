"""What runs again after one edit: exactly what depends on it. docs/reruns.md has a row for each test."""

import os
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

REPORT = {"write_verdict", "draw_runs", "draw_sky_maps", "draw_galaxies", "draw_footprints"}
BALANCE = {("tabulate_balance", "bias/first")}


def jobs(workflow):
    """{(rule, what distinguishes the job)} that would run: the folder below results/ without the file."""
    return {(rule, str(Path(output).parent).removeprefix("results/")) for rule, output in workflow.would_run()}


def of_run(footprint, network="net", resample=0, seed=0):
    where = f"pixels/{footprint}/{network}/resample{resample}_seed{seed}"
    return {("train", f"training/{where}"), ("annotate", f"inference/{where}")}


def of_set(footprint, resample=0):
    return {("draw_training_set", f"training/pixels/{footprint}/resample{resample}"), *BALANCE}


def of_report(*rules, experiment="first"):
    folders = {"write_verdict": f"report/{experiment}"}
    return {(rule, folders.get(rule, f"report/{experiment}/figures")) for rule in rules}


CHECK = {("check_design", "bias/first"), ("confirm_designs", "training/pixels")}
MEASURE = {("measure_bias", "bias/first")}
AFTER_MEASURE = MEASURE | of_report("write_verdict", "draw_runs", "draw_sky_maps")
AFTER_RUNS = AFTER_MEASURE | of_report("draw_galaxies")


def change(workflow, edit):
    config = workflow.read_config()
    edit(config)
    workflow.write_config(config)


def test_nothing_is_left_to_do(workflow):
    assert workflow.would_run() == set()


def test_touched_files_run_nothing(workflow):
    for folder in (workflow.root, workflow.analysis):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and ".snakemake" not in path.parts and "logs" not in path.parts:
                os.utime(path)
    assert jobs(workflow) == set()


def test_a_graphics_card_trains_nothing_again(workflow):
    change(workflow, lambda config: config.update(gpu={"enabled": True}))
    assert jobs(workflow) == set()


def test_reordered_keys_run_nothing(workflow):
    def reversed_keys(value):
        return {key: reversed_keys(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    workflow.write_config(reversed_keys(workflow.read_config()))
    assert jobs(workflow) == set()


def test_a_comment_in_a_module_runs_nothing(workflow):
    module = workflow.root / "workflow_scripts" / "statistics" / "runs" / "contrasts.py"
    module.write_text(module.read_text() + "\n# a comment\n")
    assert jobs(workflow) == set()


def test_a_reverted_edit_runs_nothing(workflow):
    module = workflow.root / "workflow_scripts" / "training_sets" / "split.py"
    text = module.read_text()
    module.write_text(text + "\nANSWER = 42\n")
    assert ("make_catalog", "catalog/sky") in jobs(workflow)
    module.write_text(text)
    assert jobs(workflow) == set()


def test_a_changed_statistics_module_repeats_the_measurement_only(workflow):
    module = workflow.root / "workflow_scripts" / "statistics" / "runs" / "contrasts.py"
    module.write_text(module.read_text() + "\nANSWER = 42\n")
    assert jobs(workflow) == AFTER_MEASURE


def test_an_added_seed_adds_its_runs(workflow):
    change(workflow, lambda c: c["experiments"]["first"]["arms"]["halves"].update(seeds=[0, 1]))
    assert jobs(workflow) == of_run("east", seed=1) | of_run("west", seed=1) | CHECK | AFTER_RUNS


def test_an_added_footprint_adds_its_run(workflow):
    def edit(config):
        config["footprints"]["south"] = {"region": {"dec_range": [-90, 0]}, "matching": "other"}
        config["experiments"]["first"]["arms"]["control"]["footprints"].append("south")

    change(workflow, edit)
    footprint = {("map_footprint", "training/footprints")}
    new = of_set("south") | of_run("south") | footprint | CHECK
    assert jobs(workflow) == new | AFTER_RUNS | of_report("draw_footprints")


def test_swapped_footprints_retrain_both_and_no_other(workflow):
    def edit(config):
        east, west = config["footprints"]["east"], config["footprints"]["west"]
        east["region"], west["region"] = west["region"], east["region"]

    change(workflow, edit)
    both = of_set("east") | of_set("west") | of_run("east") | of_run("west")
    footprints = {("map_footprint", "training/footprints")}
    assert jobs(workflow) == both | footprints | AFTER_RUNS | of_report("draw_footprints")
    maps = {output for rule, output in workflow.would_run() if rule == "map_footprint"}
    assert {re.search(r"footprints/(\w+)\.", path).group(1) for path in maps} == {"east", "west"}


def test_a_changed_matching_retrains_its_footprints(workflow):
    change(workflow, lambda c: c["matchings"]["other"].update(per_class=6))
    assert jobs(workflow) == of_set("north") | of_run("north") | AFTER_RUNS


def test_changed_epochs_retrain_the_network(workflow):
    change(workflow, lambda c: c["networks"]["net"].update(epochs=2))
    assert jobs(workflow) == of_run("east") | of_run("west") | of_run("north") | AFTER_RUNS


def test_a_given_model_is_tried_and_no_other_network_trained_again(workflow):
    def edit(config):
        given = {"architecture": "file", "path": "mine.keras", "mode": "fine_tune", "recipe": "small"}
        config["networks"]["given"] = given
        config["experiments"]["first"]["arms"]["control"]["networks"].append("given")

    (workflow.analysis / "mine.keras").write_bytes(b"not read before it is tried")
    change(workflow, edit)
    trial = {("check_model", "training/pixels/models")}
    assert jobs(workflow) == trial | of_run("north", network="given") | CHECK | AFTER_RUNS


def test_a_changed_colour_draws_again(workflow):
    change(workflow, lambda c: c["experiments"]["first"].update(figures={"colours": ["#000000", "#111111"]}))
    assert jobs(workflow) == of_report(*REPORT)


def test_a_changed_recipe_repeats_images_and_runs(workflow):
    change(workflow, lambda c: c["recipes"]["small"].update(crop_fraction=0.9))
    images = {("prepare_images", "images/pixels/small"), ("index_images", "images/pixels/small")}
    assert jobs(workflow) == images | of_run("east") | of_run("west") | of_run("north") | AFTER_RUNS
    assert len([1 for rule, _ in workflow.would_run() if rule == "prepare_images"]) == 2 * 3


def test_a_shorter_list_of_runs_repeats_the_statistics_only(workflow):
    change(workflow, lambda c: c["experiments"]["first"]["arms"].pop("control"))
    assert jobs(workflow) == AFTER_RUNS | BALANCE | of_report("draw_footprints")


def test_controls_add_their_runs_and_repeat_the_measurement(workflow):
    dose = {"footprint": "east", "blur_fwhm_arcsec": [1, 2]}
    controls = {"placebo": True, "shuffled_sky": True, "dose": dose}
    change(workflow, lambda c: c["experiments"]["first"].update(controls=controls))
    expected = {("shuffle_sky", "training/pixels/shuffled_sky0")}
    for footprint in ("east_placebo0_with_west", "west_placebo0_with_east", "east_shuffled0", "west_shuffled0"):
        expected |= (of_set(footprint) - BALANCE) | of_run(footprint)
    expected |= of_run("east", network="net_blur1") | of_run("east", network="net_blur2")
    # The design is checked again, as controls are part of it; what is trained stays.
    expected |= {("check_design", "bias/first"), ("confirm_designs", "training/pixels")}
    assert jobs(workflow) == expected | AFTER_MEASURE


def test_asking_what_carries_an_effect_trains_nothing(workflow):
    # The sky is the same everywhere, so that the only version is the one that there is.
    change(workflow, lambda c: c["experiments"]["first"].update(why={"counterfactual": ["seeing"]}))
    assert jobs(workflow) == {("measure_shares", "causes/first")} | AFTER_MEASURE | of_report("draw_shares")


def test_a_remedy_adds_its_runs_and_repeats_the_measurement(workflow):
    def added(*remedies):
        change(workflow, lambda c: c["experiments"]["first"].update(remedies=list(remedies)))
        return jobs(workflow)

    compared = {("compare_remedies", "remedies/first")} | of_report("draw_remedies")
    computed = {("score_remedy", "remedies/first/ensemble")}
    found = added("ensemble")
    assert found == computed | compared | AFTER_MEASURE
    runs = set().union(*(of_run(footprint, network="net_degraded") for footprint in ("east", "west", "north")))
    # The seeing of galaxies is listed for it.
    new = runs | {("list_galaxies", "catalog/sky"), ("score_remedy", "remedies/first/degraded")}
    # New networks wait for the check of the designs, which runs again where its files were touched.
    assert added("ensemble", "degraded") - CHECK == found | new


def test_a_correction_repeats_the_measurement(workflow):
    # What a changed one repeats, and one that is taken back, is in test_existing_annotations.py.
    change(workflow, lambda c: c["experiments"]["first"].update(correction=True))
    assert jobs(workflow) == {("correct_bias", "correction/first")} | AFTER_MEASURE


def test_a_probe_adds_its_networks_and_repeats_the_measurement(workflow):
    change(workflow, lambda c: c["experiments"]["first"].update(why={"probe": {"controls": ["scrambled"]}}))
    run = "net/resample0_seed0"
    expected = {("probe_features", f"causes/pixels/{footprint}/{run}") for footprint in ("east", "west", "north")}
    for pixels in ("whole", "scrambled"):
        where = f"causes/pixels/east/against_west/net/{pixels}/resample0_seed0"
        expected.add(("probe_pixels", where))
    # New networks wait for the check of the designs, which runs again where its files were touched.
    found = jobs(workflow)
    assert found & CHECK in (set(), CHECK)
    assert found - CHECK == expected | AFTER_MEASURE | of_report("draw_probe")


def test_a_second_experiment_shares_runs(workflow):
    def edit(config):
        config["experiments"]["second"] = {
            "survey": "pixels",
            "arms": {
                "halves": {"footprints": ["east", "west"], "networks": ["net"], "resamples": [0], "seeds": [0, 2]}
            },
            "opposite": [["east", "west"]],
            "allow_unanswerable": True,
        }
        config["active_experiments"] = ["second"]

    change(workflow, edit)
    second = {(rule, "bias/second") for rule in ("check_design", "tabulate_balance", "measure_bias")}
    second |= {("confirm_designs", "training/pixels")} | of_report(*REPORT, experiment="second")
    assert jobs(workflow) == of_run("east", seed=2) | of_run("west", seed=2) | second


def test_another_effect_of_interest_repeats_the_statistics_only(workflow):
    change(workflow, lambda c: c["experiments"]["first"]["tests"].update(effect=0.1))
    assert jobs(workflow) == AFTER_RUNS


def test_a_second_experiment_without_a_new_run_checks_no_design(workflow):
    def edit(config):
        first = config["experiments"]["first"]
        config["experiments"]["second"] = {**first, "arms": {"halves": first["arms"]["halves"]}}
        config["active_experiments"] = ["second"]

    change(workflow, edit)
    statistics = {(rule, "bias/second") for rule in ("tabulate_balance", "measure_bias")}
    assert jobs(workflow) == statistics | of_report(*REPORT, experiment="second")


def test_a_lost_check_of_the_design_trains_nothing(workflow):
    path = workflow.analysis / "results" / "bias" / "first" / "design.json"
    text = path.read_bytes()
    path.unlink()
    try:
        assert jobs(workflow) == set()
        change(workflow, lambda c: c["experiments"]["first"]["arms"]["control"].update(seeds=[0, 1]))
        assert jobs(workflow) == of_run("north", seed=1) | CHECK | AFTER_RUNS
    finally:
        path.write_bytes(text)


def test_another_limit_of_failures_fetches_nothing(workflow):
    change(workflow, lambda c: c["surveys"]["pixels"].update(max_failed_share=0.5))
    assert jobs(workflow) == set()


def test_a_survey_added_to_a_catalog_runs_nothing(workflow):
    change(workflow, lambda c: c["surveys"].update(more={"kind": "simulated", "catalog": "sky"}))
    assert jobs(workflow) == set()


@pytest.mark.parametrize("changed", [{"salt": "another"}, {"radius_arcsec": 30}])
def test_another_split_trains_again_and_fetches_nothing(workflow, changed):
    change(workflow, lambda c: c["catalogs"]["sky"]["split"].update(changed))
    rules = {rule for rule, _ in jobs(workflow)}
    assert {"make_catalog", "draw_training_set", "train", "annotate"} <= rules
    assert not {"list_positions", "fetch_cutouts", "prepare_images"} & rules
