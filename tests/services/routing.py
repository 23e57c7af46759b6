"""Which protocol serves a path. A client of the real service only needs another beginning of its URL.

/sdss/dr18/SkyServerWS/ImgCutout/getjpeg              https://skyserver.sdss.org/dr18/...       imgcutout
/sdss/dr18/SkyServerWS/SearchTools/SqlSearch                                                    sqlsearch
/panstarrs/cgi-bin/ps1filenames.py, fitscut.cgi       https://ps1images.stsci.edu/cgi-bin/...   ps1filenames, fitscut
/legacy/viewer/jpeg-cutout, fits-cutout               https://www.legacysurvey.org/viewer/...   legacy
/bricks/coadd/000/0001p000/legacysurvey-...           https://portal.nersc.gov/cfs/cosmo/...    bricks
/hips/hips-image-services/hips2fits                   https://alasky.cds.unistra.fr/...         hips2fits
/hips-mirror/hips-image-services/hips2fits            https://alaskybis.cds.unistra.fr/...      hips2fits_mirror
/moc/MocServer/query                                  http://alasky.unistra.fr/MocServer/query  mocserver
/vizier/TAPVizieR/tap                                 https://tapvizier.cds.unistra.fr/...      tap
/files/NAME                                                                                     files
"""

import re
from collections.abc import Callable

from tests.services.catalog_database import CatalogDatabase
from tests.services.exchange import HTML, ServiceRequest, ServiceResponse
from tests.services.protocols import bricks, hips, legacy, panstarrs, sdss
from tests.services.protocols.files import Files
from tests.services.protocols.sqlsearch import SqlSearch
from tests.services.protocols.tap import Tap
from tests.services.sky_catalog import SkyCatalog

Protocol = Callable[[ServiceRequest], ServiceResponse]


class Services:
    """All services over one sky."""

    def __init__(self, sky: SkyCatalog):
        self.sky = sky
        database = CatalogDatabase(sky)
        self.sqlsearch, self.tap, self.files = SqlSearch(database), Tap(database), Files(sky)
        # The first that matches; IIS, which runs SkyServer, takes upper and lower case as the same.
        self._routes: list[tuple[str, re.Pattern, Protocol]] = [
            (name, re.compile(pattern, flags), protocol)
            for name, pattern, flags, protocol in (
                ("imgcutout", r"/sdss/dr\d+/SkyServerWS/ImgCutout/getjpeg/?", re.IGNORECASE, self._on(sdss.get_jpeg)),
                (
                    "sqlsearch",
                    r"/sdss/dr\d+/SkyServerWS/SearchTools/SqlSearch/?",
                    re.IGNORECASE,
                    self.sqlsearch.respond,
                ),
                ("ps1filenames", r"/panstarrs/cgi-bin/ps1filenames\.py", 0, self._on(panstarrs.file_names)),
                ("fitscut", r"/panstarrs/cgi-bin/fitscut\.cgi", 0, self._on(panstarrs.fitscut)),
                (
                    "legacy",
                    r"/legacy/viewer/(jpeg-cutout|fits-cutout|cutout\.jpg|cutout\.fits).*",
                    0,
                    self._on(legacy.cutout),
                ),
                ("bricks", r"/bricks/coadd/.*", 0, self._on(bricks.coadd)),
                ("hips2fits", r"/hips/hips-image-services/hips2fits", 0, self._on(hips.hips2fits)),
                ("hips2fits_mirror", r"/hips-mirror/hips-image-services/hips2fits", 0, self._on(hips.hips2fits)),
                ("mocserver", r"/moc/MocServer/query", 0, hips.moc_server),
                ("tap", r"/vizier/TAPVizieR/tap/.*", 0, self.tap.respond),
                ("files", r"/files/.*", 0, self.files.respond),
            )
        ]

    def find(self, path: str) -> tuple[str, Protocol]:
        """The name of the service at a path, and what serves it."""
        for name, pattern, protocol in self._routes:
            if pattern.fullmatch(path):
                return name, protocol
        return "nowhere", lambda received: ServiceResponse(b"<h1>Not Found</h1>", HTML, 404, outcome="not_found")

    def _on(self, protocol: Callable[[SkyCatalog, ServiceRequest], ServiceResponse]) -> Protocol:
        return lambda received: protocol(self.sky, received)
