"""Who must be credited for the data of an experiment (docs/surveys.md has the same table for people)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DataCredit:
    """What to show with work on some data, the page with the acknowledgement that it requests, and what to cite."""

    data: str
    show: str
    page: str
    cite: str

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return f"{self.data}: show {self.show}; acknowledgement at {self.page}; cite {self.cite}."


SDSS = DataCredit(
    "SDSS images and tables",
    "Sloan Digital Sky Survey, CC BY 4.0, https://www.sdss.org",
    "https://www.sdss.org/collaboration/citing-sdss/",
    "the data-release paper; Gunn et al. 2006, AJ 131, 2332",
)
GALAXY_ZOO = {
    "1": DataCredit(
        "Galaxy Zoo 1",
        "the volunteers of Galaxy Zoo",
        "https://data.galaxyzoo.org",
        "Lintott et al. 2008, MNRAS 389, 1179; 2011, MNRAS 410, 166",
    ),
    "2": DataCredit(
        "Galaxy Zoo 2",
        "the volunteers of Galaxy Zoo",
        "https://data.galaxyzoo.org",
        "Willett et al. 2013, MNRAS 435, 2835",
    ),
}
_LEGACY = DataCredit(
    "Legacy Surveys",
    "Legacy Surveys / D. Lang (Perimeter Institute), CC BY 4.0, https://www.legacysurvey.org",
    "https://www.legacysurvey.org/acknowledgment/",
    "Dey et al. 2019, AJ 157, 168",
)
_HIPS = DataCredit(
    "hips2fits",
    "hips2fits, a tool developed at CDS, Strasbourg, France, aiming at extracting FITS images from HiPS with respect to"
    " a WCS, and the obs_copyright of the HiPS",
    "https://alasky.cds.unistra.fr/hips-image-services/hips2fits",
    "doi:10.26093/2msf-n437",
)
VIZIER = DataCredit(
    "VizieR",
    "the VizieR catalogue access tool, CDS, Strasbourg, France",
    "https://vizier.cds.unistra.fr",
    "Ochsenbein, Bauer & Marcout 2000, A&AS 143, 23; doi:10.26093/cds/vizier",
)
_PANSTARRS = DataCredit(
    "Pan-STARRS PS1",
    "the Pan-STARRS1 Surveys",
    "https://outerspace.stsci.edu/display/PANSTARRS",
    "Chambers et al. 2016, arXiv:1612.05560; Flewelling et al. 2020, ApJS 251, 7",
)
OF_KINDS = {"sdss": SDSS, "panstarrs": _PANSTARRS, "legacy": _LEGACY, "bricks": _LEGACY, "hips2fits": _HIPS}


def credits_of(survey: Mapping[str, Any] | None, catalog: Mapping[str, Any]) -> list[DataCredit]:
    """The credits of a survey (None: none) and a catalog, entries of the configuration, each once.

    Data of the user's own files are not known here, nor whose tables a service has beside those of the credits.
    """
    found = []
    if survey and survey["kind"] in OF_KINDS:
        layer = str(survey.get("layer", ""))
        # Other layers of the viewer are other surveys.
        if survey["kind"] != "legacy" or layer.startswith("ls-"):
            found.append(OF_KINDS[survey["kind"]])
        elif layer.startswith("sdss"):
            found.append(SDSS)
    requested = " ".join(str(catalog.get(key, "")) for key in ("url", "query", "sql")).lower()
    if catalog["source"] == "skyserver":
        found.append(SDSS)
    if "vizier" in requested:
        found.append(VIZIER)
    if "zoo" in requested:
        found.append(GALAXY_ZOO["2" if "zoo2" in requested or "galaxy_zoo_2" in requested else "1"])
    return list(dict.fromkeys(found))
