"""A plain web server of files: Galaxy Zoo 1's table as CSV, with ranges."""

import re

from tests.services.exchange import ServiceRequest, ServiceResponse
from tests.services.sky_catalog import SkyCatalog


class Files:
    """`galaxy_zoo_1.csv`, and whatever the tests put there."""

    def __init__(self, sky: SkyCatalog):
        self.contents = {"galaxy_zoo_1.csv": _galaxy_zoo_1(sky)}

    def respond(self, received: ServiceRequest) -> ServiceResponse:
        """The file, or the part of it that a range requests."""
        body = self.contents.get(received.path.partition("/files/")[2])
        if body is None:
            return ServiceResponse(b"Not Found", status=404, outcome="not_found")
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", received.byte_range)
        if not found:
            return ServiceResponse(body, "text/csv", headers={"Accept-Ranges": "bytes"})
        first, last = int(found[1]), min(int(found[2] or len(body)), len(body) - 1)
        if first > last:
            return ServiceResponse(
                status=416, headers={"Content-Range": f"bytes */{len(body)}"}, outcome="no_such_range"
            )
        headers = {"Content-Range": f"bytes {first}-{last}/{len(body)}"}
        return ServiceResponse(body[first : last + 1], "text/csv", 206, headers=headers, outcome="part")


def _galaxy_zoo_1(sky: SkyCatalog) -> bytes:
    names = (
        "nvote p_el_debiased p_cs_debiased spiral elliptical uncertain petroMag_r petroR50_r petroR90_r extinction_r"
    )
    columns = {"objid": sky.columns["dr7objid"], "ra": sky.ra, "dec": sky.dec}
    columns |= {name: sky.columns[name] for name in [*names.split(), "psffwhm_r", "redshift"]}
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    lines = [",".join(columns), *[",".join(map(repr, row)) for row in rows]]
    return ("\n".join(lines) + "\n").encode()
