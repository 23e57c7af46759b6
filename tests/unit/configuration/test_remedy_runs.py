"""Remedies of an experiment as footprints, networks and recipes: which there are, and what they leave alone."""

import copy

import pytest
import yaml

from workflow_scripts.configuration.control_entries import trained_network
from workflow_scripts.configuration.derived_runs import (
    active_images,
    columns_of_training,
    files_of_remedy,
    remedies_of_experiment,
    runs_of_remedy,
    unlabelled_set,
)
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.errors import InputError
from workflow_scripts.networks.mirrored_classes import positions_averaged
from workflow_scripts.runs import parts_of_remedy, paths_in_version

CONFIG = yaml.safe_load("""
active_experiments: [main]
catalogs:
  sky: {source: simulated}
  table: {source: file, path: table.csv, columns: {psf_fwhm_arcsec: seeing}}
  plain: {source: file, path: table.csv}
surveys:
  survey: {kind: simulated, catalog: sky}
  folder: {kind: local, catalog: table, path: images}
  no_imaging: {kind: local, catalog: plain, path: images}
recipes: {rgb32: {}, alike: {common: [noise]}}
matchings: {standard: {bins: {magnitude: 0.5}, shortfall: error}, other: {bins: {}}}
footprints:
  rotating: {region: {rotating: hemispheres}, matching: standard}
  east: {region: {ra_range: [0, 180]}, matching: standard}
  west: {region: {ra_range: [180, 360]}, matching: standard}
  north: {region: {dec_range: [0, 90]}, matching: other}
networks:
  net: {architecture: lenet5, recipe: rgb32, mirror_average: true}
  finished: {architecture: file, path: a.keras, mode: annotate, recipe: rgb32}
  program: {recipe: rgb32, command: {train: "a {images} {labels} {model}", annotate: "a {images} {model} {scores}.npy"}}
  alike: {architecture: lenet5, recipe: alike}
experiments:
  main:
    survey: survey
    arms:
      rotating: {footprints: [rotating], networks: [net], seeds: [0, 1]}
      halves: {footprints: [east, west, north], networks: [net], replicates: 3}
    opposite: [[east, west]]
    allow_unanswerable: true
""")
CONFIG["networks"]["program"]["architecture"] = "program"
ALL = [
    *("templates", "mixed_sky", "matched_imaging", "homogenised", "degraded", "equivariant", "aligned", "strata"),
    *("ensemble", "prediction_powered"),
]


def configured(remedies=ALL, network="net", changes=(), **experiment):
    config = copy.deepcopy(CONFIG)
    config["experiments"]["main"] |= {"remedies": remedies, **experiment}
    for arm in config["experiments"]["main"]["arms"].values():
        arm["networks"] = [network]
    for registry, name, entry in changes:
        config[registry][name] = entry
    return load(config)


@pytest.fixture(scope="module")
def treated():
    return configured()


def test_every_remedy_repeats_the_runs_with_the_same_sets_and_seeds(treated):
    own = treated.runs("main")
    for entry in remedies_of_experiment(treated, "main").values():
        for part in parts_of_remedy(entry):
            paths = paths_in_version("{footprint}/{network}/{resample}_{seed}", [vars(run) for run in own], part)
            assert len(set(paths)) == len(own)
            assert [path.rsplit("/")[-1] for path in paths] == [f"{run.resample}_{run.seed}" for run in own]
    computed = {"ensemble", "templates", "prediction_powered"}
    new = {
        name: len(set(runs_of_remedy(treated, "main", entry)) - set(own))
        for name, entry in remedies_of_experiment(treated, "main").items()
    }
    assert {name for name, runs in new.items() if not runs} == computed
    assert {runs for name, runs in new.items() if name not in {*computed, "strata"}} == {len(own)}
    assert new["strata"] == 2 * len(own)


def test_remedies_change_nothing_of_the_experiment(treated):
    plain = load(copy.deepcopy(CONFIG))
    for parameter in ("bias_parameter", "figures_parameter"):
        assert getattr(treated, parameter)("main") == getattr(plain, parameter)("main")
    assert treated.runs("main") == plain.runs("main")
    for run in plain.runs("main"):
        assert treated.training_set_parameter(run.footprint) == plain.training_set_parameter(run.footprint)
        assert trained_network(treated, "survey", vars(run)) == trained_network(plain, "survey", vars(run))
        assert treated.galaxies_file("survey", run.footprint) == plain.galaxies_file("survey", run.footprint)
    assert remedies_of_experiment(plain, "main") == {}


@pytest.mark.parametrize("remedy", ALL)
def test_a_remedy_does_not_depend_on_the_others(treated, remedy):
    alone = configured([remedy])
    entry = remedies_of_experiment(alone, "main")[remedy]
    assert entry == remedies_of_experiment(treated, "main")[remedy]
    for run in runs_of_remedy(alone, "main", entry):
        assert alone.training_set_parameter(run.footprint) == treated.training_set_parameter(run.footprint)
        assert alone.galaxies_file("survey", run.footprint) == treated.galaxies_file("survey", run.footprint)
        assert trained_network(alone, "survey", vars(run)) == trained_network(treated, "survey", vars(run))
        (*unlabelled,) = unlabelled_set(alone, "survey", run.footprint, run.network, str(run.resample))
        assert unlabelled == unlabelled_set(treated, "survey", run.footprint, run.network, str(run.resample))


def test_a_mixed_sky_is_drawn_from_everywhere_and_keeps_axis_and_sharing(treated):
    names = remedies_of_experiment(treated, "main")["mixed_sky"]["footprints"]
    mixed = {own: treated.footprint(name) for own, name in names.items()}
    assert names["rotating_03"] == "rotating_03_mixed"
    assert {as_parameter(entry["region"]) for entry in mixed.values()} == {'{"whole_sky":true}'}
    for own, entry in mixed.items():
        assert entry["axis"] == treated.footprint(own)["axis"]
        assert entry["matching"] == {**treated.footprint(own)["matching"], "shortfall": "redistribute"}
        assert entry["stratified"] == 2
    assert mixed["rotating_03"]["family"]["regions"] == [{"whole_sky": True}] * 12
    # Those of one matching have no galaxy in common; another matching cannot share their list.
    assert [mixed[one].get("turns", {}).get("member") for one in ("east", "west", "north")] == [0, 1, None]
    assert mixed["east"]["turns"]["name"] == mixed["west"]["turns"]["name"]


def test_experiments_that_cover_other_regions_have_other_mixed_skies():
    config = copy.deepcopy(CONFIG)
    config["experiments"]["main"]["remedies"] = ["mixed_sky"]
    arms = {"halves": {"footprints": ["east", "west"], "networks": ["net"]}}
    config["experiments"]["second"] = {**config["experiments"]["main"], "arms": arms}
    settings = load(config)
    names = [remedies_of_experiment(settings, one)["mixed_sky"]["footprints"]["east"] for one in ("main", "second")]
    assert len(set(names)) == 2
    assert settings.footprint(names[1])["region"] == {"union": [{"ra_range": [0, 180]}, {"ra_range": [180, 360]}]}


def test_imaging_is_matched_in_what_the_catalog_has(treated):
    bins = treated.footprint("east_matched")["matching"]["bins"]
    assert bins == {"psf_fwhm_arcsec": {"log10": 0.1}, "depth_mag": 0.5, "magnitude": 0.5}
    assert treated.galaxies_file("survey", "east_matched").endswith("-depth_mag-magnitude-psf_fwhm_arcsec.parquet")
    table = configured(["matched_imaging"], survey="folder", changes=[("matchings", "standard", {"bins": {}})])
    assert table.footprint("rotating_00_matched")["matching"]["bins"] == {"psf_fwhm_arcsec": {"log10": 0.1}}
    assert table.footprint("rotating_00_matched")["family"]["name"] == "rotating_matched"


def test_strata_share_out_a_family_together(treated):
    first, second = (treated.footprint(f"rotating_04_stratum{number}") for number in (1, 2))
    assert first["family"]["name"] == second["family"]["name"] == "rotating_strata"
    assert (first["family"]["member"], second["family"]["member"]) == (4, 16)
    assert first["family"]["strata"] == [1] * 12 + [2] * 12
    assert treated.galaxies_file("survey", "east_stratum2").endswith(
        "/galaxies-depth_mag-ebv-magnitude-psf_fwhm_arcsec.parquet"
    )
    strata = remedies_of_experiment(treated, "main")["strata"]
    assert strata["strata"]["east"] == ["east_stratum1", "east_stratum2"]
    assert strata["propensities"]["east"]["region"] == treated.footprint("east")["region"]


def test_networks_of_remedies(treated):
    own = treated.network("net")
    homogenised = treated.network("net_homogenised")
    assert homogenised == {**own, "recipe": "rgb32_common_seeing_noise"}
    assert treated.recipe(homogenised["recipe"]) == {**treated.recipe("rgb32"), "common": ["seeing", "noise"]}
    degraded = treated.network("net_degraded")
    assert degraded == {**own, "augmentation": {**own["augmentation"], "degrade": True}}
    assert columns_of_training(treated, "net_degraded") == ["psf_fwhm_arcsec"]
    equivariant = treated.network("net_orientations")
    assert (equivariant["average"], equivariant["version_of"]) == ("orientations", "net")
    assert "mirror_average" not in equivariant
    assert [positions_averaged(treated.network(one)) for one in ("net", "net_orientations", "alike")] == [2, 8, 1]


def test_aligned_networks_have_unlabelled_galaxies_from_the_whole_sky(treated):
    assert treated.network("net_aligned")["alignment"]["loss"] == "coral"
    (path,) = unlabelled_set(treated, "survey", "east", "net_aligned", "2")
    assert path == "results/training/survey/east_everywhere/resample2/training_set.parquet"
    everywhere = treated.training_set_parameter("east_everywhere")
    assert everywhere["region"] == {"whole_sky": True}
    assert not everywhere["matching"]["disjoint"]
    assert unlabelled_set(treated, "survey", "east", "net", "2") == []
    # Nothing that is not trained so.
    with pytest.raises(InputError, match="east_matched_everywhere"):
        treated.footprint("east_matched_everywhere")


def test_a_network_of_the_users_own_may_be_aligned():
    settings = configured([], changes=[("networks", "net", {**CONFIG["networks"]["net"], "alignment": {"weight": 2}})])
    assert settings.network("net")["alignment"] == {"loss": "coral", "weight": 2.0}
    assert settings.footprint("rotating_07_everywhere")["stratified"] == 2


def test_experiments_of_single_classes_share_their_remedies():
    sky = {"source": "simulated", "classes": ["a", "b", "c"], "galaxies": {"edge_on_fraction": 0.2}}
    settings = configured(ALL, changes=[("catalogs", "sky", sky)])
    assert settings.active_experiments == ["main_a", "main_b", "main_c"]
    first, *others = (remedies_of_experiment(settings, name) for name in settings.active_experiments)
    assert all(first == other for other in others)


def test_images_of_remedies_are_among_those_that_can_be_brought_back(treated):
    assert active_images(treated) == [("survey", "rgb32"), ("survey", "rgb32_common_seeing_noise")]


def test_files_of_a_remedy_are_those_of_both_arms(treated):
    annotations = files_of_remedy(treated, "main", "strata", "annotations")
    assert len(annotations) == 3 * len(treated.runs("main"))
    sets = files_of_remedy(treated, "main", "mixed_sky", "training_sets")
    assert len(sets) == 2 * len(treated.training_sets("main"))
    assert "results/training/survey/rotating_00_mixed/resample0/training_set.parquet" in sets


@pytest.mark.parametrize(
    ("remedies", "experiment", "sentence"),
    [
        (["mixed"], {}, r"remedies\[?.*mixed_sky"),
        (["degraded"], {"network": "finished"}, "is degraded, which would train the network 'finished'"),
        (["strata"], {"network": "finished"}, "is strata, which would train the network 'finished'"),
        (["aligned"], {"network": "program"}, "is aligned, which needs Keras networks, but networks.program is a pro"),
        (["equivariant"], {"network": "program"}, "is equivariant, which needs Keras networks"),
        (["homogenised"], {"network": "alike"}, "has the recipe alike, expected one without the key common"),
        (
            ["homogenised"],
            {"survey": "no_imaging"},
            "is homogenised, which needs the seeing of each galaxy: expected col",
        ),
        (["matched_imaging"], {"survey": "no_imaging"}, "expected psf_fwhm_arcsec or depth_mag in catalogs.plain.col"),
        (["strata"], {"survey": "no_imaging"}, "expected psf_fwhm_arcsec or depth_mag or ebv in catalogs.plain.col"),
        (
            ["degraded"],
            {"survey": "no_imaging"},
            "remedies.0. is degraded, expected psf_fwhm_arcsec in catalogs.pl",
        ),
        (
            ["degraded"],
            {"survey": "folder"},
            "is degraded, which needs images of one scale: expected a number for",
        ),
        (["ensemble"], {"survey": None, "annotations": "{footprint}_{seed}_{resample}.csv"}, "that are trained here"),
        (
            ["mixed_sky"],
            {"changes": [("footprints", "rotating_02_mixed", CONFIG["footprints"]["east"])]},
            "makes footprints.rotating_02_mixed, a name that is taken",
        ),
        (
            [],
            {"changes": [("networks", "net", {**CONFIG["networks"]["net"], "average": "orientations"})]},
            "has average and mirror_average, expected one of them",
        ),
        (
            [],
            {
                "network": "finished",
                "changes": [("networks", "finished", {**CONFIG["networks"]["finished"], "alignment": {}})],
            },
            "networks.finished.alignment is given with mode: annotate, which trains nothing",
        ),
    ],
)
def test_remedies_that_cannot_be_tried_are_refused(remedies, experiment, sentence):
    with pytest.raises(InputError, match=sentence):
        configured(remedies, **experiment)
