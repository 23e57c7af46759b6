"""Cutouts across the edge of a survey's coverage, as the clients judge them."""

from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

from tests.services.coverage import is_covered
from tests.services.protocols.cutout_pixels import covered_mask
from tests.unit.services.client import get
from workflow_scripts.fetch_cutouts import with_defaults
from workflow_scripts.surveys.fetcher.connections import Received
from workflow_scripts.surveys.fetcher.service import Galaxy
from workflow_scripts.surveys.registry import client_of

SIZE, SCALE = 128, 0.4
RA = 180.3


def edge() -> float:
    """Declination of the southern edge of SDSS, degrees; it runs askew there."""
    dec = 0.0
    while is_covered("sdss", RA, dec):
        dec -= 0.001
    return dec


@pytest.mark.parametrize(
    ("kind", "service", "more"),
    [
        ("sdss", "imgcutout", {}),
        ("hips2fits", "hips2fits", {"hips": "CDS/P/SDSS9/color"}),
        ("hips2fits", "hips2fits", {"hips": "CDS/P/SDSS9/color", "format": "png"}),
        ("hips2fits", "hips2fits", {"hips": "CDS/P/SDSS9/g", "format": "fits"}),
    ],
)
def test_cutouts_with_an_empty_part_are_not_delivered(server, kind, service, more):
    client = client_of(with_defaults({"kind": kind, "cutout": {"size_px": SIZE}, **more}))
    shares = []
    for step in np.linspace(-1, 1, 21):
        galaxy = Galaxy("g", RA, edge() + step * SIZE * SCALE / 3600, SCALE)
        response = get(server.url(service), **dict(parse_qsl(urlsplit(client.url(galaxy, 0)).query)))
        given = response.status_code, "", response.headers["Content-Type"]
        judgement = client.judge(Received("", *given, None, response.content, True), galaxy)
        mask = covered_mask("sdss", galaxy.ra, galaxy.dec, SIZE, SIZE, SCALE)
        shares.append(0.0 if mask is None else (~mask).mean())
        # A row of blocks at the edge of the empty part is no longer flat in a JPEG.
        if not 0.02 < shares[-1] < 0.2:
            assert judgement.outcome == ("no_coverage" if shares[-1] > 0.02 else "delivered"), (shares[-1], judgement)
    assert min(shares) == 0
    assert max(shares) == 1
    assert sum(0.2 < share < 0.8 for share in shares) > 4
