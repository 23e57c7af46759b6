"""The files of a correction: what they say, and that one can compute with them."""

import sys

import healpy
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table

from tests.unit.bias.imaged_experiment import DIPOLE, SKY
from tests.unit.corrections.corrected_experiment import correct, sentence_of_refusal, summary_of
from workflow_scripts.audits.audit_options import add_audit_options
from workflow_scripts.correct_audit import main as correct_audit
from workflow_scripts.correct_audit import parser as audit_parser
from workflow_scripts.corrections.corrected_galaxies import chosen_arm
from workflow_scripts.errors import InputError
from workflow_scripts.sky.tiles import tile_of
from workflow_scripts.sky.unit_vectors import unit_vectors


@pytest.fixture(scope="module")
def corrected(tmp_path_factory):
    """Annotations that follow the seeing, on a sky with a true dipole."""
    return correct(tmp_path_factory.mktemp("imaged"), n=5000, per_seeing=0.05, sky_dipole=0.1)


def test_imaging_is_taken_out_and_the_true_dipole_is_covered(corrected):
    summary = summary_of(corrected)
    assert summary["method"] == "imaging"
    assert (summary["arm"], summary["training_sets"], summary["n"]) == ("halves", 6, 5000)
    planted = 0.1 * SKY * summary["rates"]["youden"]
    away = np.array(summary["dipole"]["vector"]) - planted
    t2 = away @ np.linalg.solve(summary["dipole"]["covariance"], away)
    assert t2 < summary["dipole"]["t2_limit_95"]
    # What imaging makes of it points elsewhere.
    before = np.array(summary["dipole_before_correction"]["vector"]) - planted
    assert before @ DIPOLE > 0.03
    (row,) = summary["coefficients"]
    assert row["term"] == "psf_fwhm_arcsec"
    assert 0.02 < row["low_95"] < row["coefficient"] < row["high_95"]
    assert summary["over_correction"]["dipole_retained"] == pytest.approx(1)
    assert summary["over_correction"]["dipole_retained_by_templates_alone"] < 0.8
    assert "Without what imaging explains, the annotations of 6 training sets have a dipole of" in summary["sentence"]


def test_the_map_holds_what_a_dipole_fit_needs(corrected):
    summary = summary_of(corrected)
    path = corrected / "maps" / "debiased_fraction.fits"
    table, terms = Table.read(path, hdu=1), Table.read(path, hdu=2)
    header = fits.getheader(path, 1)
    assert (header["ORDERING"], header["COORDSYS"], header["NSIDE"]) == ("NESTED", "C", summary["map"]["nside"])
    design = np.column_stack([table[name.strip()] for name in terms["TERM"]])
    covariance = np.diag(table["VARIANCE"]) + design @ terms["COVARIANCE"] @ design.T
    position, n = design[:, :4], np.asarray(table["N"], float)
    fit = np.linalg.solve((position * n[:, None]).T @ position, (position * n[:, None]).T)
    found = fit @ table["DEBIASED"]
    # Pixels stand for their galaxies.
    assert found[1:] == pytest.approx(summary["dipole"]["vector"], abs=0.004)
    errors = np.sqrt(np.diag(fit @ covariance @ fit.T))[1:]
    assert errors == pytest.approx(np.sqrt(np.diag(summary["dipole"]["covariance"])), rel=0.25)
    assert np.linalg.eigvalsh(covariance)[0] > 0
    assert float((table["FRACTION"] * n).sum() / n.sum()) == pytest.approx(summary["fraction"])


def test_healpy_reads_the_map(corrected):
    path = corrected / "maps" / "debiased_fraction.fits"
    table = Table.read(path, hdu=1)
    sky = healpy.read_map(path, field=1, nest=True, partial=True)
    assert sky[table["PIXEL"]] == pytest.approx(table["DEBIASED"])


def test_weights_make_the_weighted_fraction_flat_in_seeing(corrected):
    weights = pd.read_parquet(corrected / "weights.parquet")
    catalog = pd.read_parquet(corrected.parent / "catalog.parquet")
    assert list(weights["source_id"]) == list(catalog["source_id"])
    label = pd.read_parquet(next((corrected.parent / "runs").rglob("annotations.parquet")))["label"]
    weight = np.where(label == 1, weights["weight"], weights["weight_negative"])
    seeing = catalog["psf_fwhm_arcsec"]
    high, low = (part for _, part in pd.DataFrame({"y": label, "w": weight}).groupby(seeing < seeing.median()))
    plain = high["y"].mean() - low["y"].mean()
    weighted = np.average(high["y"], weights=high["w"]) - np.average(low["y"], weights=low["w"])
    assert plain > 0.08
    assert abs(weighted) < 0.5 * plain
    assert weight.mean() == pytest.approx(1, abs=0.01)


def test_labels_of_a_random_part_serve_where_that_is_declared(tmp_path):
    folder = correct(tmp_path, None, True, n=4000, per_seeing=0.05, labelled=0.3)
    summary = summary_of(folder)
    assert summary["method"] == "prediction_powered"
    assert summary["coefficients"][0]["term"] == "monopole"
    assert "errors that reference labels show" in summary["sentence"]


def test_a_direction_that_imaging_takes_all_of_is_stated(tmp_path, monkeypatch):
    table = pd.read_parquet

    def seeing_is_a_dipole(path, *args, **options):
        found = table(path, *args, **options)
        if "psf_fwhm_arcsec" in found and "ra" not in found:
            whole = table(path)
            found["psf_fwhm_arcsec"] = 1.2 + 0.3 * unit_vectors(whole["ra"], whole["dec"]) @ DIPOLE
        return found

    monkeypatch.setattr(pd, "read_parquet", seeing_is_a_dipole)
    folder = correct(tmp_path, n=3000)
    summary = summary_of(folder)
    (axis,) = summary["dipole_undetermined_along"]
    assert abs(unit_vectors(axis["ra"], axis["dec"]) @ DIPOLE) > 0.999
    assert "cannot be distinguished from imaging" in summary["sentence"]
    assert abs(np.array(summary["dipole"]["vector"]) @ unit_vectors(axis["ra"], axis["dec"])) < 1e-9
    error = np.sqrt(DIPOLE @ np.array(summary["term_covariance"])[1:4, 1:4] @ DIPOLE)
    assert error > 0.3


@pytest.mark.parametrize(
    ("keys", "options", "sentence"),
    [
        ({"method": "prediction_powered"}, {"labelled": 0.5}, "it is not declared that they are (labelled_at_random)"),
        ({"method": "prediction_powered"}, {"labelled": 0.0}, "random part: there are none"),
        ({"arm": "other"}, {}, "correction, arm is 'other', expected one of halves"),
    ],
)
def test_what_cannot_be_corrected_is_refused(tmp_path, keys, options, sentence):
    assert sentence in sentence_of_refusal(tmp_path, keys, n=200, **options)


def test_without_a_name_the_arm_with_most_training_sets_is_taken():
    runs = [
        {"arm": arm, "network": "net", "footprint": "east", "resample": number}
        for arm, count in (("a", 1), ("b", 3), ("c", 2))
        for number in range(count)
    ]
    assert chosen_arm({"name": "x"}, runs, None) == "b"


def galaxies_of_a_strip(path, n=4000):
    """A small survey whose labels follow the seeing, which changes from place to place."""
    random = np.random.default_rng(3)
    ra, dec = random.uniform(150, 175, n), random.uniform(0, 15, n)
    seeing = random.normal(size=12 * 4**6)[tile_of(ra, dec, 6)]
    label = random.random(n) < 0.5 + 0.08 * seeing
    table = pd.DataFrame({"ra": ra, "dec": dec, "kind": np.where(label, "S", "E"), "seeing": seeing})
    table.assign(id=[f"s{number}" for number in range(n)]).to_csv(path, index=False)
    return path


def corrected_strip(folder, *options):
    path = galaxies_of_a_strip(folder / "strip.csv")
    columns = ["--label", "kind", "--positive", "S", "--source-id", "id"]
    correct_audit(audit_parser.parse_args([str(path), "--output", str(folder / "out"), *columns, *options]))
    return folder / "out"


def test_a_small_audited_catalog_has_a_map_for_healsparse(tmp_path):
    healsparse = pytest.importorskip("healsparse")
    folder = corrected_strip(tmp_path, "--covariates", "seeing")
    summary = summary_of(folder)
    assert summary["map"]["sky_covered"] < 0.02
    assert summary["dipole"] is None
    assert summary["coefficients"][0]["coefficient"] == pytest.approx(0.08, abs=0.02)
    sparse = healsparse.HealSparseMap.read(str(folder / "maps" / "debiased_fraction.hsp"))
    table = Table.read(folder / "maps" / "debiased_fraction.fits", hdu=1)
    assert sparse.get_values_pix(np.array(table["PIXEL"]))["debiased"] == pytest.approx(table["DEBIASED"])


def test_without_healsparse_one_sentence_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "healsparse", None)
    with pytest.raises(InputError, match="expected the package healsparse to be installed"):
        corrected_strip(tmp_path, "--covariates", "seeing")


def test_a_catalog_with_nothing_to_correct_with_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no covariates are named.*there is nothing to correct with"):
        corrected_strip(tmp_path)
    with pytest.raises(InputError, match="corrections do not use weights"):
        corrected_strip(tmp_path, "--weight", "seeing")


def test_options_of_an_audit_are_those_of_its_correction():
    assert {action.dest for action in audit_parser._actions} >= {"covariates", "method", "labelled_at_random"}
    assert add_audit_options.__doc__
