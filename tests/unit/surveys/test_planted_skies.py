"""The benchmark of planted skies: that its skies have the truth that it names, and how answers are counted."""

import numpy as np
import pytest
import yaml

from tests.benchmarks import planted_skies
from tests.benchmarks.planted_skies import QUESTIONS, SKIES, answer_rows, planted_configuration
from workflow_scripts.answers.answer import CANNOT_TELL, NO, YES
from workflow_scripts.configuration.loading import load
from workflow_scripts.configuration.sources import overlay
from workflow_scripts.simulate_sky import simulated_sky
from workflow_scripts.sky.unit_vectors import unit_vectors


@pytest.fixture(scope="module")
def configuration(repository):
    default = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
    return load(overlay(default, planted_configuration([1, 2], galaxies=20_000)))


def dipole_of(sky, column, scale):
    """Length of the dipole of a column, in units of `scale`."""
    design = np.column_stack([np.ones(len(sky)), unit_vectors(sky["ra"], sky["dec"])])
    return np.linalg.norm(np.linalg.lstsq(design, sky[column], rcond=None)[0][1:]) / scale


@pytest.mark.parametrize("name", SKIES)
def test_every_sky_has_its_truth_and_nothing_else(configuration, name):
    sky = simulated_sky(configuration.sky_parameter(f"{name}_seed2"))
    # Seeing relative to its mean of 1.5 arcsec.
    seeing, noise = dipole_of(sky, "psf_fwhm_arcsec", 1.5), dipole_of(sky, "sky_noise", sky["sky_noise"].mean())
    # A step of half height h has the dipole 3 h / 2; patches have none, to a tenth of what they would have by chance.
    expected = {"seeing_dipole": 0.6, "seeing_step": 0.9, "partial_sky": 0.6}.get(name, 0.0)
    assert seeing == pytest.approx(expected, abs=0.03)
    assert (sky["psf_fwhm_arcsec"].nunique() > 1) == ("seeing" in name or name == "partial_sky")
    assert noise == pytest.approx(0.3 if name == "depth_dipole" else 0.0, abs=0.01)
    # By chance some 0.01; on a part of the sky up to 0.02.
    assert dipole_of(sky, "true_class", 1.0) == pytest.approx(0.15 if name == "morphology_dipole" else 0.0, abs=0.04)
    assert (sky["dec"].min() > -10) == (name == "partial_sky")


def test_every_experiment_has_the_design_of_the_default_one_without_its_halves(configuration):
    default = configuration.experiment("default")["arms"]
    for name in SKIES:
        arms = configuration.experiment(f"{name}_seed1")["arms"]
        assert set(arms) == set(default) - {"ra_halves"}
        for arm in arms:
            assert len(arms[arm]["footprints"]) == len(default[arm]["footprints"])
            assert (arms[arm]["seeds"], arms[arm]["resamples"]) == (default[arm]["seeds"], default[arm]["resamples"])


def test_cannot_tell_is_counted_apart_and_open_questions_accept_all():
    assert planted_skies.worth(NO, YES) == planted_skies.worth(YES, NO) == "wrong"
    assert planted_skies.worth(NO, NO) == planted_skies.worth(YES, YES) == "right"
    assert planted_skies.worth(NO, CANNOT_TELL) == planted_skies.worth(YES, CANNOT_TELL) == CANNOT_TELL
    assert {planted_skies.worth(planted_skies.OPEN, given) for given in (YES, NO, CANNOT_TELL)} == {"accepted"}


def test_a_row_has_what_was_expected_and_what_was_given():
    effect = {"value": 0.0123, "ci95": [0.001, 0.02], "unit": "fraction", "direction": None}
    answer = {"test": "pattern_response lenet5", "answer": YES, "effect": effect, "p_adjusted": 0.002, "limit95": None}
    rows = answer_rows("nothing_seed1", SKIES["nothing"], {"answers": [answer]}, 90, 240)
    assert [row[1] for row in rows] == list(QUESTIONS)
    assert [row[4] for row in rows] == ["missing", "wrong", "missing"]
    assert rows[1][5:] == ["0.0123 (0.001 to 0.02)", "0.002", "", "2 (4)"]


def test_processor_time_is_that_of_the_experiments_own_jobs(tmp_path):
    for path, time in (("catalog/nothing_seed1", "2.5"), ("bias/nothing_seed1", "1"), ("bias/nothing_seed12", "50")):
        file = tmp_path / "benchmarks" / path / "step.tsv"
        file.parent.mkdir(parents=True)
        file.write_text(f"s\tcpu_time\n7\t{time}\n")
    assert planted_skies.cpu_seconds(tmp_path, "nothing_seed1") == 3.5
