"""Made-up galaxies, written as real catalogs are published: their headers, layouts and habits.

Each writer takes a path and galaxies: `id` (as text), `ra`, `dec` (degrees), and `kind`, which is spiral, elliptical or
None for those that no one could tell.
"""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
from astropy import units
from astropy.coordinates import Angle
from astropy.io import fits
from astropy.table import Table

GALAXY_ZOO_1 = (
    "OBJID,RA,DEC,NVOTE,P_EL,P_CW,P_ACW,P_EDGE,P_DK,P_MG,P_CS,P_EL_DEBIASED,P_CS_DEBIASED,SPIRAL,ELLIPTICAL,UNCERTAIN"
)
# Tasks of Galaxy Zoo 2 with their answers, as its columns are called.
GALAXY_ZOO_2_TASKS = {
    "t01_smooth_or_features": "a01_smooth a02_features_or_disk a03_star_or_artifact",
    "t02_edgeon": "a04_yes a05_no",
    "t03_bar": "a06_bar a07_no_bar",
    "t04_spiral": "a08_spiral a09_no_spiral",
    "t05_bulge_prominence": "a10_no_bulge a11_just_noticeable a12_obvious a13_dominant",
    "t06_odd": "a14_yes a15_no",
    "t07_rounded": "a16_completely_round a17_in_between a18_cigar_shaped",
    "t08_odd_feature": "a19_ring a20_lens_or_arc a21_disturbed a22_irregular a23_other a24_merger a38_dust_lane",
    "t09_bulge_shape": "a25_rounded a26_boxy a27_no_bulge",
    "t10_arms_winding": "a28_tight a29_medium a30_loose",
    "t11_arms_number": "a31_1 a32_2 a33_3 a34_4 a36_more_than_4 a37_cant_tell",
}
GALAXY_ZOO_2 = (
    *("dr7objid", "ra", "dec", "rastring", "decstring", "sample", "gz2_class", "total_classifications", "total_votes"),
    *(
        f"{task}_{answer}_{kind}"
        for task, answers in GALAXY_ZOO_2_TASKS.items()
        for answer in answers.split()
        for kind in ("count", "weight", "fraction", "weighted_fraction", "debiased", "flag")
    ),
)
# Questions of Galaxy Zoo DECaLS and DESI with their answers.
DECALS_QUESTIONS = {
    "smooth-or-featured": "smooth featured-or-disk artifact",
    "disk-edge-on": "yes no",
    "has-spiral-arms": "yes no",
    "bar": "strong weak no",
    "bulge-size": "dominant large moderate small none",
    "how-rounded": "round in-between cigar-shaped",
    "edge-on-bulge": "boxy none rounded",
    "spiral-winding": "tight medium loose",
    "spiral-arm-count": "1 2 3 4 more-than-4 cant-tell",
    "merging": "none minor-disturbance major-disturbance merger",
}


def smooth_fraction(galaxies: pd.DataFrame) -> np.ndarray:
    """Fractions of votes for a smooth galaxy that go with the kinds: high, low, or between."""
    fraction = galaxies["kind"].map({"elliptical": 0.91, "spiral": 0.04}).fillna(0.5).to_numpy(float)
    return fraction + np.linspace(0, 0.04, len(galaxies)).round(3)


def hours(ra: pd.Series, sep: str = ":", precision: int = 2) -> list[str]:
    """Right ascensions as text, `00:00:00.41`."""
    angle = Angle(ra.to_numpy(), units.deg)
    return list(angle.to_string(unit=units.hourangle, sep=sep, precision=precision, pad=True))


def arcs(dec: pd.Series, sep: str = ":", precision: int = 1) -> list[str]:
    """Declinations as text, `-10:22:25.7`."""
    angle = Angle(dec.to_numpy(), units.deg)
    return list(angle.to_string(unit=units.deg, sep=sep, precision=precision, pad=True, alwayssign=True))


def galaxy_zoo_1(path: Path, galaxies: pd.DataFrame) -> None:
    """Sexagesimal positions, and three columns of flags."""
    smooth = smooth_fraction(galaxies)
    table = pd.DataFrame(index=galaxies.index, columns=GALAXY_ZOO_1.split(","), data=0.0)
    table["OBJID"], table["RA"], table["DEC"] = galaxies["id"], hours(galaxies["ra"]), arcs(galaxies["dec"])
    table["NVOTE"] = 30
    table["P_EL"] = table["P_EL_DEBIASED"] = smooth.round(3)
    table["P_CS"] = table["P_CS_DEBIASED"] = (1 - smooth).round(3)
    for name in ("SPIRAL", "ELLIPTICAL"):
        table[name] = (galaxies["kind"] == name.lower()).astype(int)
    table["UNCERTAIN"] = galaxies["kind"].isna().astype(int)
    table.to_csv(path, index=False, lineterminator="\r\n")


def galaxy_zoo_2(path: Path, galaxies: pd.DataFrame) -> None:
    """All 231 columns, packed; among them positions in degrees and as text."""
    smooth, columns = smooth_fraction(galaxies), {}
    for name in GALAXY_ZOO_2:
        columns[name] = np.zeros(len(galaxies), int if name.endswith(("_count", "_flag")) else float)
    columns |= {"dr7objid": galaxies["id"], "ra": galaxies["ra"], "dec": galaxies["dec"]}
    columns |= {"rastring": hours(galaxies["ra"]), "decstring": arcs(galaxies["dec"])}
    columns["sample"] = np.where(np.arange(len(galaxies)) % 5, "original", "extra")
    columns["gz2_class"] = galaxies["kind"].map({"spiral": "Sc2m", "elliptical": "Er"}).fillna("A")
    columns["total_classifications"] = columns["total_votes"] = np.full(len(galaxies), 44)
    columns["t01_smooth_or_features_a01_smooth_debiased"] = smooth
    columns["t01_smooth_or_features_a02_features_or_disk_debiased"] = 1 - smooth
    columns["t04_spiral_a08_spiral_debiased"] = np.where(galaxies["kind"] == "spiral", 0.93, 0.3)
    path.write_bytes(gzip.compress(pd.DataFrame(columns).to_csv(index=False).encode(), mtime=0))


def galaxy_zoo_decals(path: Path, galaxies: pd.DataFrame) -> None:
    """Counts, fractions and debiased fractions of every answer; empty where a question was not reached."""
    columns = {"iauname": galaxies["id"], "ra": galaxies["ra"], "dec": galaxies["dec"]}
    columns |= dict.fromkeys(("redshift", "elpetro_absmag_r", "sersic_nmgy_r", "petro_th50", "petro_th90"), 0.05)
    columns |= {"petro_theta": 5.5, "wrong_size_statistic": 80.0, "wrong_size_warning": False}
    columns["wrong_size_warning"] = np.arange(len(galaxies)) % 50 == 0
    for question, answers in DECALS_QUESTIONS.items():
        columns[f"{question}_total-votes"] = np.full(len(galaxies), 20)
        for answer in answers.split():
            columns[f"{question}_{answer}"] = np.full(len(galaxies), 5)
            columns[f"{question}_{answer}_fraction"] = columns[f"{question}_{answer}_debiased"] = np.full(
                len(galaxies), np.nan
            )
    smooth, spiral = smooth_fraction(galaxies), np.where(galaxies["kind"] == "spiral", 0.93, 0.3)
    for kind in ("fraction", "debiased"):
        columns[f"smooth-or-featured_smooth_{kind}"] = smooth
        columns[f"smooth-or-featured_featured-or-disk_{kind}"] = 1 - smooth
        columns[f"has-spiral-arms_yes_{kind}"] = np.where(smooth > 0.9, np.nan, spiral)
    table = pd.DataFrame(columns)
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_csv(path, index=False)


def galaxy_zoo_desi(path: Path, galaxies: pd.DataFrame) -> None:
    """Predicted fractions, beside columns that play no part, an index of pandas among them."""
    columns = {"dr8_id": galaxies["id"], "ra": galaxies["ra"], "dec": galaxies["dec"]}
    columns |= {"brickid": 236318, "objid": 7, "hdf5_loc": "BrickBrick_236/236318.hdf5"}
    for question, answers in DECALS_QUESTIONS.items():
        columns |= {f"{question}_{answer}_fraction": np.float32(0.3) for answer in answers.split()}
    columns["smooth-or-featured_smooth_fraction"] = smooth_fraction(galaxies).astype(np.float32)
    columns["smooth-or-featured_featured-or-disk_fraction"] = (1 - smooth_fraction(galaxies)).astype(np.float32)
    columns["has-spiral-arms_yes_fraction"] = np.where(galaxies["kind"] == "spiral", 0.93, 0.3).astype(np.float32)
    pd.DataFrame(columns).set_index(galaxies.index[::-1] + 5).to_parquet(path)


def hyperleda(path: Path, galaxies: pd.DataFrame) -> None:
    """Text with vertical bars, blank-padded cells, comments, and right ascensions in decimal hours."""
    lines = [
        "# HyperLeda, a made-up answer of its SQL form",
        "# select objname, objtype, al2000, de2000, type, t, e_t, bt from meandata",
        "objname        |objtype|al2000     |de2000    |type |t    |e_t  |bt    ",
    ]
    for galaxy in galaxies.itertuples():
        t = {"spiral": "  3.0", "elliptical": " -4.8"}.get(galaxy.kind, "     ")
        kind = {"spiral": "Sb", "elliptical": "E"}.get(galaxy.kind, "")
        position = f"{galaxy.ra / 15:11.8f}|{galaxy.dec:10.6f}"
        lines.append(f"{galaxy.id:<15}|G      |{position}|{kind:<5}|{t}|{'' if t.isspace() else '0.5':>5}|14.210")
    path.write_text("\n".join([*lines, "# 300 objects"]) + "\n")


def hsc_spins(path: Path, galaxies: pd.DataFrame) -> None:
    """A spreadsheet's export with its debris; what is not known is left out."""
    known = galaxies[galaxies["kind"].notna()]
    rows = [
        f"{galaxy.ra:.5f},{galaxy.dec:.5f},0.01023,{1 if galaxy.kind == 'spiral' else -1}"
        for galaxy in known.itertuples()
    ]
    path.write_text("\n".join(["RA,Dec,z,direction_cw_ccw", *rows, ",,,", ",,,", ",,,0.006838822"]) + "\n")


def skyserver(path: Path, galaxies: pd.DataFrame) -> None:
    """A result of SkyServer: the name of the table stands above the header."""
    flags = {"spiral": "1,0,0", "elliptical": "0,1,0"}
    rows = [
        f"{galaxy.id},{galaxy.ra!r},{galaxy.dec!r},{flags.get(galaxy.kind, '0,0,1')}"
        for galaxy in galaxies.itertuples()
    ]
    path.write_text("\n".join(["#Table1", "objid,ra,dec,spiral,elliptical,uncertain", *rows]) + "\n")


def t_types(galaxies: pd.DataFrame) -> np.ndarray:
    """T-types that go with the kinds; 99 is that of galaxies without one."""
    return galaxies["kind"].map({"spiral": 4, "elliptical": -5}).fillna(99).astype(np.int16).to_numpy()


def vizier(path: Path, galaxies: pd.DataFrame) -> None:
    """Nair & Abraham (2010) as VizieR sends it, in the form that the name gives."""
    names = ["SDSS", "zph", "TType", "_RA", "_DE"]
    if path.suffix in (".fits", ".vot"):
        columns = [galaxies["id"].to_numpy(str), np.full(len(galaxies), 0.05), t_types(galaxies)]
        table = Table([*columns, galaxies["ra"].to_numpy(), galaxies["dec"].to_numpy()], names=names)
        table["_RA"].unit = table["_DE"].unit = "deg"
        table.write(path, format="votable" if path.suffix == ".vot" else "fits")
        return
    separator = {".tsv": "\t", ".txt": ";", ".psv": "|"}[path.suffix]
    sexagesimal = path.suffix == ".psv"
    ra = hours(galaxies["ra"], " ") if sexagesimal else galaxies["ra"].map("{:.6f}".format)
    dec = arcs(galaxies["dec"], " ") if sexagesimal else galaxies["dec"].map("{:+.6f}".format)
    cells = zip(galaxies["id"], t_types(galaxies), ra, dec, strict=True)
    unit = ['"h:m:s"', '"d:m:s"'] if sexagesimal else ["deg", "deg"]
    lines = [
        "#",
        "#   VizieR Astronomical Server vizier.cds.unistra.fr",
        "#INFO\t-out.max=unlimited\t",
        "#RESOURCE=yCat_21860427",
        "#Name: J/ApJS/186/427",
        "#Coosys\tJ2000:\teq_FK5 J2000",
        "#Column\tTType\t(I3)\t[-5/99] Classification; 99=unknown\t[ucd=src.morph.type]",
        separator.join(names),
        separator.join([" ", " ", " ", *unit]),
        separator.join(["-" * 19, "-" * 6, "---", "-" * 11, "-" * 11]),
        *(separator.join([name, " 0.050", f"{t:3d}", ra, dec]) for name, t, ra, dec in cells),
    ]
    path.write_text("\n".join(lines) + "\n\n")


def ipac(path: Path, galaxies: pd.DataFrame) -> None:
    """A table as IRSA sends it, with types, units and nulls below the names."""
    table = Table({"name": galaxies["id"].to_numpy(str), "ra": galaxies["ra"], "dec": galaxies["dec"]})
    table["ra"].unit = table["dec"].unit = "deg"
    table["morphology"] = galaxies["kind"].fillna("unknown").to_numpy(str)
    table.write(path, format="ascii.ipac")


def cds(path: Path, galaxies: pd.DataFrame) -> None:
    """A machine-readable table of a journal, positions in parts."""
    head = """Title: A made-up catalog
Authors: Nobody N.
Table: Galaxies
================================================================================
Byte-by-byte Description of file: table1.txt
--------------------------------------------------------------------------------
   Bytes Format Units   Label  Explanations
--------------------------------------------------------------------------------
   1- 18  A18    ---    Name   Designation
  20- 21  I2     h      RAh    Hour of Right Ascension (J2000)
  23- 24  I2     min    RAm    Minute of Right Ascension (J2000)
  26- 30  F5.2   s      RAs    Second of Right Ascension (J2000)
      32  A1     ---    DE-    Sign of the Declination (J2000)
  33- 34  I2     deg    DEd    Degree of Declination (J2000)
  36- 37  I2     arcmin DEm    Arcminute of Declination (J2000)
  39- 42  F4.1   arcsec DEs    Arcsecond of Declination (J2000)
  44- 47  F4.1   ---    TType  ? Numerical Hubble type
--------------------------------------------------------------------------------
"""
    rows = []
    for galaxy, ra, dec in zip(
        galaxies.itertuples(), hours(galaxies["ra"], " "), arcs(galaxies["dec"], " "), strict=True
    ):
        t = {"spiral": " 3.0", "elliptical": "-5.0"}.get(galaxy.kind, "    ")
        rows.append(f"{galaxy.id:<18} {ra} {dec} {t}")
    path.write_text(head + "\n".join(rows) + "\n")


def several_tables(path: Path, galaxies: pd.DataFrame) -> None:
    """A FITS file with a table of settings before the galaxies."""
    settings = Table({"key": ["version"], "value": ["1.0"]})
    table = Table({"TARGETID": galaxies["id"].astype("int64"), "MORPH": galaxies["kind"].fillna("").to_numpy(str)})
    table["TARGET_RA"], table["TARGET_DEC"] = galaxies["ra"], galaxies["dec"]
    hdus = [fits.table_to_hdu(settings), fits.table_to_hdu(table)]
    hdus[0].name, hdus[1].name = "INFO", "GALAXIES"
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
