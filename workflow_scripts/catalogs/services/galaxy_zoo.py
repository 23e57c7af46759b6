"""Ready queries: the votes of Galaxy Zoo joined to SDSS photometry.

Positions are those of PhotoObj, in double precision: the zoo's own are single precision, which SkyServer prints with
six or seven digits, up to 1.8 arcsec off. A galaxy of the zoo that PhotoObj does not have comes without a position and
is counted where the catalog is cleaned, instead of vanishing in a join.
"""

from typing import NamedTuple


class ReadyQuery(NamedTuple):
    """A SELECT for SkyServer, the unique column of whole numbers by which it is paged, and all its columns."""

    sql: str
    key: str
    columns: tuple[str, ...]


_PHOTOMETRY = (
    "p.ra",
    "p.dec",
    "p.petroMag_r",
    "p.petroR50_r",
    "p.petroR90_r",
    "p.extinction_r",
    "p.psffwhm_r",
    "p.expAB_r",
    "s.z AS redshift",
)


def _joined(table: str, object_id: str, votes: tuple[str, ...]) -> ReadyQuery:
    selected = (f"z.{object_id}", *[f"z.{column}" for column in votes], *_PHOTOMETRY)
    sql = (
        f"SELECT {', '.join(selected)} FROM {table} AS z"
        f" LEFT JOIN PhotoObj AS p ON p.objid = z.{object_id} LEFT JOIN SpecObj AS s ON s.specobjid = z.specobjid"
        " WHERE p.objid IS NULL OR p.clean = 1"
    )
    names = tuple(column.split(" AS ")[-1].split(".")[-1] for column in selected)
    return ReadyQuery(sql, "dr7objid", names)


# Lintott et al. 2011, MNRAS 410, 166, table 2; Willett et al. 2013, MNRAS 435, 2835.
READY_QUERIES = {
    "galaxy_zoo_1": _joined(
        "zooSpec", "objid", ("dr7objid", "specobjid", "nvote", "p_el_debiased", "p_cs_debiased", "uncertain")
    ),
    "galaxy_zoo_2": _joined(
        "zoo2MainSpecz",
        "dr8objid",
        (
            "dr7objid",
            "specobjid",
            "total_classifications",
            "t01_smooth_or_features_a01_smooth_debiased",
            "t01_smooth_or_features_a02_features_or_disk_debiased",
            "t04_spiral_a08_spiral_debiased",
        ),
    ),
}
