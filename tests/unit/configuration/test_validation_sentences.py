"""Every mistake in a configuration is one sentence: the file, the key, what was found and what was expected."""

from pathlib import Path

import pytest
import yaml

from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.schema import complete, config_schema
from workflow_scripts.configuration.sources import check_repeated_keys
from workflow_scripts.errors import InputError

BASE = """
active_experiments: [default]
catalogs:
  sky: {source: simulated}
  table: {source: file, path: galaxies.csv, columns: {ra: RA, dec: DEC, label: TYPE}}
surveys:
  simulated: {kind: simulated, catalog: sky}
recipes:
  rgb32: {}
matchings:
  loose: {}
footprints:
  rotating: {region: {rotating: hemispheres}, matching: loose}
  north: {region: {hemisphere: {ra: 0, dec: 90}}, matching: loose}
  south: {region: {complement: {footprint: north}}, matching: loose}
networks:
  lenet5: {architecture: lenet5, recipe: rgb32}
experiments:
  default:
    survey: simulated
    arms:
      rotating: {footprints: [rotating], networks: [lenet5], seeds: [0, 1]}
      halves: {footprints: [north, south], networks: [lenet5]}
    opposite: [[north, south]]
"""


def merged(below: dict, above: dict) -> dict:
    """Snakemake's merging of configuration files: mappings are joined, all else is replaced."""
    result = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            value = merged(result[key], value)
        result[key] = value
    return result


def sentence(overlay: str, folder: Path | None = None) -> str:
    """The message about the base configuration with `overlay` on top."""
    files = []
    if folder is not None:
        files = [folder / "config.yaml", folder / "overlay.yaml"]
        files[0].write_text(BASE)
        files[1].write_text(overlay)
    with pytest.raises(InputError) as caught:
        load(merged(yaml.safe_load(BASE), yaml.safe_load(overlay)), files)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_base_is_valid():
    load(yaml.safe_load(BASE))


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        # misspelt and missing keys
        ("activ_experiments: [x]", "unknown key 'activ_experiments'; did you mean 'active_experiments'?"),
        ("figures: {colours: [red]}", "unknown key 'figures'; it belongs in experiments.NAME.figures"),
        ("surveys: {simulated: {tile_ordr: 1}}", "surveys.simulated has the unknown key 'tile_ordr'; did you mean"),
        ("catalogs: {sky: {n_galaxys: 3}}", "did you mean 'n_galaxies'?"),
        ("surveys: {other: {knd: local}}", "or bricks); is 'knd' a misspelling?"),
        ("surveys: {other: {kind: local, catalog: sky}}", "surveys.other lacks the key 'path'"),
        # only the branch that `kind` or `source` chose is talked about
        ("surveys: {simulated: {file_column: a}}", "has the unknown key 'file_column'; expected one of kind, rendered"),
        ("catalogs: {table: {n_galaxies: 3}}", "catalogs.table has the unknown key 'n_galaxies'; expected one of"),
        ("surveys: {other: {kind: nowhere}}", "surveys.other.kind is 'nowhere', expected 'simulated' or 'local'"),
        # types and ranges
        ("surveys: {simulated: {tile_order: zero}}", "tile_order is 'zero', expected a whole number"),
        ("surveys: {simulated: {tile_order: 1.5}}", "tile_order is 1.5, expected a whole number"),
        ("surveys: {simulated: {tile_order: true}}", "tile_order is true, expected a whole number"),
        ("gpu: yes", "gpu is true, expected a mapping"),
        ("surveys:", "surveys is null, expected a mapping"),
        ("sample: 0", "sample is 0, expected at least 1"),
        ("matchings: {loose: {bins: {redshift: 0}}}", "bins.redshift is 0, expected more than 0"),
        ("matchings: {loose: {bins: {redshift: {log: 1}}}}", "unknown key 'log'; did you mean 'log10'?"),
        ("catalogs: {sky: {split: {annotation_fraction: 1}}}", "is 1, expected less than 1"),
        ("catalogs: {sky: {classes: [a]}}", "catalogs.sky.classes has 1 item, expected at least 2"),
        ("experiments: {default: {tests: {alpha: .nan}}}", "tests.alpha is nan, expected a finite number"),
        ("networks: {lenet5: {architecture: lenet_5}}", "is 'lenet_5'; did you mean 'lenet5'?"),
        ("recipes: {rgb32: {channels: 2}}", "recipes.rgb32.channels is 2, expected 1 or 3"),
        # keys of earlier versions
        ("recipes: {rgb32: {dtype: uint8}}", "recipes.rgb32 has the unknown key 'dtype'; pixels are always of 8 bits"),
        ("footprints: {rotating: {region: {rotating: {nside: 1}}}}", "rotating is a mapping, expected 'hemispheres'"),
        ("footprints: {rotating: {region: {rotating: hemispher}}}", "'hemispher'; did you mean 'hemispheres'?"),
        (
            "catalogs: {sky: {hygiene: {on_problem: {repeated_id: fatal}}}}",
            "hygiene.on_problem is a mapping, expected 'drop' or 'fatal'",
        ),
        ("catalogs: {sky: {hygiene: {on_problem: dropp}}}", "on_problem is 'dropp'; did you mean 'drop'?"),
        (
            "surveys: {own: {kind: local, catalog: table, path: a, cutout: {}}}",
            "surveys.own has the unknown key 'cutout'; images of kind local are used as large as they are, leave it",
        ),
        # a kind of service narrows what all services have
        (
            "surveys: {s: {kind: sdss, catalog: table, cutout: {size_px: 32}}}",
            "cutout.size_px is 32, expected at least 64",
        ),
        (
            "surveys: {s: {kind: sdss, catalog: table, cutout: {size: 32}}}",
            "unknown key 'size'; did you mean 'size_px'?",
        ),
        ("surveys: {s: {kind: bricks, catalog: table, access: {concurrency: 9}}}", "is 9, expected at most 8"),
        (
            "surveys: {s: {kind: hips2fits, catalog: table, hips: CDS/P/DES-DR2/ColorIRG, format: fits}}",
            "surveys.s.format is fits, but a HiPS in colour has pictures without a unit, expected jpeg or png, or",
        ),
        (
            "surveys: {s: {kind: hips2fits, catalog: sky, hips: CDS/P/DSS2/red, format: fits}}\n"
            "experiments: {default: {survey: s}}",
            "recipes.rgb32.stretch.unit is nmgy/arcsec2, but FITS of surveys.s are in the unit of its HiPS, expected",
        ),
        (
            "surveys: {s: {kind: legacy, catalog: table, format: fits, cutout: {pixel_scale_arcsec: 0.4}}}",
            "surveys.s.cutout.pixel_scale_arcsec expected 0.262 with format: fits, at which the viewer gives",
        ),
        (
            "surveys: {s: {kind: bricks, catalog: table, cutout: {pixel_scale_arcsec: {column: a, times: 1}}}}",
            "pixel_scale_arcsec is a mapping, expected a number",
        ),
        ("surveys: {s: {kind: legacy, catalog: table, acces: {}}}", "unknown key 'acces'; did you mean 'access'?"),
        ("surveys: {s: {kind: legacy}}", "surveys.s lacks the key 'catalog'"),
        ("catalogs: {t: {source: file}}", "catalogs.t lacks the key 'path'"),
        # regions
        ("footprints: {x: {region: {cone: {ra: 400, dec: 0, radius_deg: 1}}, matching: loose}}", "at most 360"),
        ("footprints: {x: {region: {polygon: [[1, 2], [3, 4], [5, 96]]}, matching: loose}}", "polygon[2][1] is 96"),
        ("footprints: {x: {region: {union: [{hemispher: {}}]}, matching: loose}}", "did you mean 'hemisphere'?"),
        ("footprints: {north: {region: {whole_sky: true}}}", "has hemisphere and whole_sky (a second file adds to"),
        ("footprints: {x: {region: {}, matching: loose}}", "footprints.x.region has nothing, expected exactly one of"),
        ("footprints: {x: {region: {complement: {rotating: {}}}, matching: loose}}", "has the unknown key 'rotating'"),
        # what YAML makes of unquoted words
        ("footprints: {no: {}}", "has the key False, which YAML did not read as text (it stands for an unquoted off"),
        ("recipes: {null: {}}", "recipes has the key None, which YAML did not read as text"),
        ("catalogs: {table: {label_values: {0: spiral}}}", "catalogs.table.label_values has the key 0, which YAML"),
        ("catalogs: {table: {path: 2020-01-01}}", "(YAML read a date), expected text or a number; quote it"),
        ("networks: {lenet5: {optimizer: {learning_rate: 1e-3}}}", "is '1e-3', expected a number (write 0.001: YAML"),
        # names
        ("footprints: {9deg: {region: {whole_sky: true}, matching: loose}}", "'9deg' is not a usable name"),
        ("footprints: {a-b: {region: {whole_sky: true}, matching: loose}}", "'a-b' is not a usable name"),
        # references
        ("active_experiments: [defalt]", "active_experiments[0] is 'defalt', which is not in experiments; did you"),
        ("surveys: {simulated: {catalog: skye}}", "surveys.simulated.catalog is 'skye', which is not in catalogs; did"),
        ("surveys: {simulated: {catalog: table}}", "is 'table', expected a catalog with source: simulated"),
        ("networks: {lenet5: {recipe: grey}}", "networks.lenet5.recipe is 'grey', which is not in recipes; expected"),
        ("footprints: {north: {matching: lose}}", "footprints.north.matching is 'lose', which is not in matchings"),
        ("footprints: {x: {region: {footprint: nort}, matching: loose}}", "is 'nort', which is not in footprints; did"),
        ("footprints: {x: {region: {footprint: rotating}, matching: loose}}", "is the family 'rotating', expected one"),
        (
            "footprints: {a: {region: {footprint: b}, matching: loose},"
            " b: {region: {complement: {footprint: a}}, matching: loose}}",
            "closes a circle of references: a -> b -> a",
        ),
        ("footprints: {rotating_03: {region: {whole_sky: true}, matching: loose}}", "footprints.rotating makes too"),
        ("experiments: {default: {survey: sdss}}", "experiments.default.survey is 'sdss', which is not in surveys"),
        ("experiments: {default: {arms: {halves: {footprints: [est]}}}}", "halves.footprints[0] is 'est', which is"),
        ("experiments: {default: {arms: {halves: {networks: [lenet]}}}}", "halves.networks[0] is 'lenet', which is"),
        ("experiments: {default: {arms: {rotating: {combine: paired}}}}", "has 1 resamples and 2 seeds, expected as"),
        ("experiments: {default: {opposite: [[north, rotating]]}}", "opposite[0][1] is the family 'rotating'"),
        ("experiments: {default: {opposite: [[north, north]]}}", "opposite[0] lists 'north' twice"),
        (
            "{footprints: {east: {region: {ra_range: [0, 180]}, matching: loose}},"
            " experiments: {default: {opposite: [[north, east]]}}}",
            "opposite[0][1] is 'east', which is not in the arms of default",
        ),
        ("catalogs: {table: {label_values: {S: spirl}}}", "label_values.S is 'spirl', which is not in catalogs.table"),
        ("networks: {lenet5: {architecture: file}}", "networks.lenet5.path is null, expected the model file"),
        ("networks: {lenet5: {path: a.keras}}", "path is given for architecture lenet5, expected it for file only"),
        ("networks: {lenet5: {mode: annotate}}", "is 'lenet5', expected file with mode: annotate"),
        ("networks: {lenet5: {mode: fine_tune}}", "has mode: fine_tune, expected weights or architecture: file"),
        ("networks: {lenet5: {weights: a.weights.h5}}", "lenet5.mode is 'train', which starts from random weights"),
        ("networks: {lenet5: {architecture: file, path: a.keras}}", "lenet5.mode is 'train', which starts from random"),
        ("networks: {lenet5: {architecture: file, path: a.keras}}", "from_scratch for new weights"),
        (
            "networks: {lenet5: {architecture: file, path: a.keras, weights: b.h5, mode: fine_tune}}",
            "lenet5.weights is given beside path",
        ),
        ("networks: {lenet5: {mode: from_scratch}}", "lenet5.mode is 'from_scratch', expected train"),
        (
            "networks: {lenet5: {trainable: top}}",
            "lenet5.trainable is given with mode: train, expected it with fine_tune",
        ),
        ("networks: {lenet5: {trainable: last}}", "lenet5.trainable is 'last', expected all, top or 'last N'"),
        (
            "networks: {lenet5: {outputs: logits}}",
            "lenet5.outputs is given for architecture lenet5, expected it for file",
        ),
        ("networks: {lenet5: {input_range: [0, 2]}}", "lenet5.input_range is"),
        ("networks: {lenet5: {mode: fine_tune, weights: a.txt}}", "lenet5.weights is 'a.txt', expected a Keras file"),
        ("experiments: {default: {figures: {colours: [red, '#12']}}}", "colours[1] is '#12', expected #RRGGBB or the"),
        ("catalogs: {table: {label_votes: {spiral: {}}}}", "label_votes.spiral is empty, expected at least one entry"),
        ("experiments: {default: {tests: {primary: [fraction_respons]}}}", "tests.primary[0] is 'fraction_respons'"),
    ],
)
def test_mistakes(overlay, expected):
    assert expected in sentence(overlay)


def test_label_values_need_a_label_column():
    config = yaml.safe_load(BASE)
    del config["catalogs"]["table"]["columns"]["label"]
    config["catalogs"]["table"]["label_values"] = {"S": "spiral"}
    with pytest.raises(InputError, match=r"label_values needs the label column, expected columns\.label"):
        load(config)


def test_unused_entries_are_checked():
    assert "networks.spare.epochs is 0" in sentence(
        "networks: {spare: {architecture: VGG16, recipe: rgb32, epochs: 0}}"
    )


def test_file_that_sets_the_key_is_named(tmp_path):
    assert sentence("surveys: {simulated: {tile_order: 9}}", tmp_path).startswith(f"{tmp_path / 'overlay.yaml'}: ")
    (tmp_path / "config.yaml").unlink()
    config = yaml.safe_load(BASE)
    config["surveys"]["simulated"]["tile_order"] = 9
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "overlay.yaml").write_text("sample: 100\n")
    with pytest.raises(InputError) as caught:
        load({**config, "sample": 100}, [tmp_path / "config.yaml", tmp_path / "overlay.yaml"])
    assert str(caught.value).startswith(f"{tmp_path / 'config.yaml'}: surveys.simulated.tile_order")


def test_defaults_fill_absent_keys_only():
    config = yaml.safe_load(BASE)
    config["surveys"]["simulated"]["cutout"] = {"size_px": 40}
    config["networks"]["lenet5"]["augmentation"] = {"flips": False}
    settings = load(config)
    cutout = settings.survey("simulated")["cutout"]
    assert cutout["size_px"] == 40
    assert set(cutout) == {"size_px", "pixel_scale_arcsec", "bands", "encoding", "jpeg_quality"}
    assert settings.network("lenet5")["augmentation"] == {"flips": False, "quarter_turns": True}
    assert settings.network("lenet5")["optimizer"] == {"name": "adam", "learning_rate": 0.002, "schedule": "cosine"}


def test_given_bins_replace_the_default_ones():
    config = yaml.safe_load(BASE)
    config["matchings"]["loose"] = {"bins": {"redshift": 1}}
    assert load(config).footprint("north")["matching"]["bins"] == {"redshift": 1.0}


def test_spelling_of_a_number_changes_nothing():
    schema = config_schema()["$defs"]["service"]["properties"]["cutout"]
    completed = complete({"pixel_scale_arcsec": 1, "size_px": 40.0}, schema)
    assert repr(completed["pixel_scale_arcsec"]) == "1.0"
    assert repr(completed["size_px"]) == "40"
    # To JSON Schema, 1.0 and 1 are the same member of an enum; the parameter of a rule must be one, too.
    assert complete({"channels": 3}, config_schema()["$defs"]["recipe"])["channels"] == 3


def test_loading_changes_nothing_in_what_was_given():
    config = yaml.safe_load(BASE)
    before = yaml.safe_dump(config)
    load(config)
    assert yaml.safe_dump(config) == before


def test_a_key_given_twice_is_named_with_its_lines(tmp_path):
    file = tmp_path / "twice.yaml"
    file.write_text("networks:\n  small: {epochs: 1}\n  large: {epochs: 2}\n  small: {epochs: 3}\n")
    with pytest.raises(InputError, match=r"twice\.yaml: networks\.small is given twice, in lines 2 and 4"):
        check_repeated_keys([file])
    file.write_text("lists:\n- {a: 1, b: 1}\n- {a: 2}\nothers: {a: 3}\n")
    check_repeated_keys([file])
