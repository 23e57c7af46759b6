"""The step check_design as a command line."""

import copy
import json

import numpy as np
import pandas as pd
import pytest

from tests.small_experiment import CONFIG
from workflow_scripts import check_design
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.parameters import as_parameter
from workflow_scripts.errors import InputError
from workflow_scripts.tables import write_table


@pytest.fixture
def check(tmp_path, make_pool):
    """Run the step on the small experiment with some changes; what it wrote."""
    galaxies = make_pool(400).assign(split="training")
    write_table(tmp_path / "galaxies.parquet", galaxies, {"config": {"classes": ["elliptical", "spiral"]}})
    ledger = galaxies[["source_id"]].assign(outcome=np.where(galaxies.index % 4 == 0, "no_coverage", "delivered"))
    write_table(tmp_path / "ledger.parquet", ledger, {})

    def run(edit=None, **experiment):
        config = copy.deepcopy(CONFIG)
        config["experiments"]["first"] |= experiment
        if edit:
            edit(config)
        design = load(config).design_parameter("first")
        options = ["--design", as_parameter(design), "--ledger", str(tmp_path / "ledger.parquet")]
        options += ["--galaxies", as_parameter({str(tmp_path / "galaxies.parquet"): list(design["footprints"])})]
        if "correction" in design:
            options += ["--catalog", str(tmp_path / "catalog.parquet")]
        check_design.main(check_design.parser.parse_args([*options, "--output", str(tmp_path / "design.json")]))
        return json.loads((tmp_path / "design.json").read_text())

    return run


def test_what_is_known_of_the_design_is_written(check):
    found = check()
    assert [(row["name"], row["class_name"]) for row in found["galaxies"]] == [
        (name, class_name) for name in ("north", "east", "west") for class_name in ("elliptical", "spiral")
    ]
    (fraction, _) = found["tests"]
    assert (fraction["smallest_p_adjusted"], fraction["power"]) == (1.0, [0.0, 0.0])
    assert any("no adjusted p below 0.01" in sentence for sentence in found["problems"])
    assert {"config", "inputs"} <= set(found["provenance"])


def test_everything_that_makes_a_design_useless_is_said_at_once(check, tmp_path):
    def edit(config):
        config["matchings"]["other"]["per_class"] = 1000
        config["footprints"]["west"] = {"region": {"footprint": "east"}, "matching": "loose"}

    with pytest.raises(InputError) as raised:
        check(edit, allow_unanswerable=False)
    message = str(raised.value)
    for class_name in ("elliptical", "spiral"):
        assert f"footprints.north, class {class_name}: " in message
    assert "a training set needs 1000 (matchings: a per_class of" in message
    assert "experiments.first cannot be answered: 1 + 1 training sets" in message
    assert "east and west have the same region" in message
    assert not (tmp_path / "design.json").exists()
    # Training sets that cannot be drawn cannot be allowed either.
    with pytest.raises(InputError, match=r"footprints\.north, class elliptical") as raised:
        check(edit)
    assert "cannot be answered" not in str(raised.value)


@pytest.mark.parametrize(
    ("columns", "tests", "refused"),
    [
        ({"psf_fwhm_arcsec": [1.0, 1.2]}, {}, None),
        ({}, {}, r"experiments\.first, correction: the catalog has no imaging templates \(psf_fwhm_arcsec: not in"),
        ({"psf_fwhm_arcsec": [1.3]}, {}, r"psf_fwhm_arcsec: the same everywhere\), and reference labels .* neither"),
        ({"psf_fwhm_arcsec": [1.3]}, {"labelled_at_random": True}, None),
    ],
)
def test_a_correction_that_no_galaxy_allows_is_refused_before_training(check, tmp_path, columns, tests, refused):
    catalog = pd.read_parquet(tmp_path / "galaxies.parquet").drop(columns="psf_fwhm_arcsec", errors="ignore")
    for name, values in columns.items():
        catalog[name] = np.resize(values, len(catalog))
    write_table(tmp_path / "catalog.parquet", catalog, {})
    asked = {"correction": True, "tests": {"templates": ["psf_fwhm_arcsec"], **tests}, "allow_unanswerable": True}
    if refused is None:
        assert "problems" in check(**asked)
        return
    with pytest.raises(InputError, match=refused):
        check(**asked)
