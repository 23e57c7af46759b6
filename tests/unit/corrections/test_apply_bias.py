"""The measured bias in mock catalogs: drawn as measured, from columns or maps, or refused in one sentence."""

import json

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from tests.unit.corrections.corrected_experiment import correct, mock_of, summary_of
from workflow_scripts.apply_bias import main, parser
from workflow_scripts.corrections.bias_model import read_bias_model
from workflow_scripts.errors import InputError


@pytest.fixture(scope="module")
def corrected(tmp_path_factory):
    """A correction, and a mock of the same galaxies."""
    folder = tmp_path_factory.mktemp("applied")
    made = correct(folder, n=5000, per_seeing=0.06)
    return made, mock_of(folder / "catalog.parquet", folder / "mock.parquet")


def applied(corrected, output, *options):
    folder, mock = corrected
    command = [str(mock), "--correction", str(folder), "--output", str(output), "--truth", "spiral", *options]
    main(parser.parse_args(command))
    return pd.read_parquet(output)


def slope(table, column="annotated"):
    """The change of the annotated fraction for one standard deviation of seeing."""
    seeing = table["psf_fwhm_arcsec"]
    return np.polyfit((seeing - seeing.mean()) / seeing.std(), table[column], 1)[0]


def test_a_mock_gets_the_measured_rates_and_keeps_its_columns(corrected, tmp_path):
    table = applied(corrected, tmp_path / "out.parquet", "--imaging", "psf_fwhm_arcsec")
    assert list(table) == ["ra", "dec", "psf_fwhm_arcsec", "spiral", "name", "annotated"]
    summary = summary_of(corrected[0])
    rates = table.groupby("spiral")["annotated"].mean()
    assert rates[1] == pytest.approx(summary["rates"]["true_positive_rate"], abs=0.03)
    assert rates[0] == pytest.approx(summary["rates"]["false_positive_rate"], abs=0.03)
    assert slope(table) == pytest.approx(summary["coefficients"][0]["coefficient"], abs=0.03)
    again = applied(corrected, tmp_path / "again.parquet", "--imaging", "psf_fwhm_arcsec")
    assert table.equals(again)
    other = applied(corrected, tmp_path / "other.parquet", "--imaging", "psf_fwhm_arcsec", "--seed", "1")
    assert not table["annotated"].equals(other["annotated"])


def test_imaging_comes_from_a_map_where_the_mock_has_none(corrected, tmp_path):
    own = applied(corrected, tmp_path / "own.parquet")
    assert slope(own) > 0.03
    nside = 8
    path = tmp_path / "seeing.fits"
    pixels = Table({"PSF_FWHM_ARCSEC": np.full(12 * nside**2, 1.2)})
    pixels.meta |= {"PIXTYPE": "HEALPIX", "ORDERING": "NESTED", "NSIDE": nside}
    pixels.write(path)
    flat = applied(corrected, tmp_path / "flat.parquet", "--map", str(path))
    assert abs(slope(flat)) < 0.03


def test_training_runs_are_drawn(corrected, tmp_path):
    table = applied(corrected, tmp_path / "o.parquet", "--run", "draw", "--realisations", "4")
    assert [name for name in table if name.startswith("annotated")] == [f"annotated_{i}" for i in (1, 2, 3, 4)]
    model = read_bias_model(corrected[0] / "bias.json")
    one = list(model.runs)[2]
    applied(corrected, tmp_path / "one.parquet", "--run", one)
    assert len(model.runs) == 6


def test_without_a_reference_the_fraction_is_shifted(tmp_path):
    folder = correct(tmp_path, n=5000, per_seeing=0.06, labelled=0.0)
    assert read_bias_model(folder / "bias.json").kind == "shift"
    mock = mock_of(tmp_path / "catalog.parquet", tmp_path / "mock.parquet")
    table = applied((folder, mock), tmp_path / "o.parquet", "--imaging", "psf_fwhm_arcsec")
    assert slope(table) == pytest.approx(summary_of(folder)["coefficients"][0]["coefficient"], abs=0.025)
    assert table["annotated"].mean() == pytest.approx(0.5, abs=0.02)


def test_texts_and_other_formats_are_read(corrected, tmp_path):
    table = pd.read_parquet(corrected[1]).assign(kind=lambda one: np.where(one["spiral"] == 1, "S", "E"))
    path = tmp_path / "mock.csv"
    table.rename(columns={"psf_fwhm_arcsec": "fwhm"}).to_csv(path, index=False)
    options = ["--truth", "kind", "--positive", "S", "--imaging", "psf_fwhm_arcsec=fwhm"]
    found = applied((corrected[0], path), tmp_path / "o.parquet", *options)
    assert found["kind"].tolist() == table["kind"].tolist()
    assert found.groupby("kind")["annotated"].mean()["S"] > 0.7


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--imaging", "seeing"], "--imaging: 'seeing' does not match, expected psf_fwhm_arcsec"),
        (["--run", "nobody"], "--run nobody: expected mean, draw or one of the 6 runs"),
        (["--realisations", "0"], "--realisations is 0, expected 1 to 1000"),
        (["--truth", "nothing"], "nothing"),
        (["--truth", "dec"], "expected 0 to 1"),
        (["--truth", "name", "--positive", "x"], "no galaxy is 'x'"),
        (["--imaging", "psf_fwhm_arcsec", "--map", "m.fits"], "expected columns or a map"),
        (["--map", "nowhere.fits"], "nowhere.fits: expected a HEALPix map"),
        (["--correction", "nowhere"], "bias.json: does not exist, expected bias.json of a correction"),
        (["--output", "o.csv"], "expected a name that ends in .parquet"),
    ],
)
def test_what_cannot_be_applied_is_refused(corrected, tmp_path, options, sentence):
    with pytest.raises(InputError) as stopped:
        applied(corrected, tmp_path / "o.parquet", *options)
    assert sentence in str(stopped.value)
    assert not (tmp_path / "o.parquet").exists()


@pytest.mark.parametrize(
    "changed", [{"kind": "other"}, {"axes": [[1, 2]]}, {"runs": {}}, {"templates": {"names": ["a"]}}, {"runs": [1]}]
)
def test_a_damaged_model_is_refused(corrected, tmp_path, changed):
    entry = json.loads((corrected[0] / "bias.json").read_text()) | changed
    path = tmp_path / "bias.json"
    path.write_text(json.dumps(entry))
    with pytest.raises(InputError, match=r"expected bias\.json of a correction, but it cannot be read"):
        read_bias_model(path)


def test_a_mock_outside_of_the_map_is_refused(tmp_path, corrected):
    own = corrected[0] / "maps" / "debiased_fraction.fits"
    part = Table.read(own, hdu=1)[:5]
    path = tmp_path / "part.fits"
    part["psf_fwhm_arcsec"] = 1.2
    part.write(path)
    with pytest.raises(InputError, match=r"is outside of the map .*, expected columns of psf_fwhm_arcsec"):
        applied(corrected, tmp_path / "o.parquet", "--map", str(path))
