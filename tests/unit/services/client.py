"""Plain requests, for tests of the server."""

from io import BytesIO

import numpy as np
import requests
from numpy.typing import NDArray
from PIL import Image

# No survey but one of the whole sky covers the galactic centre.
NOWHERE = {"ra": "266.0", "dec": "-29.0"}


def get(url: str, **values) -> requests.Response:
    """GET without a proxy and without following redirects."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, params=values, timeout=20, allow_redirects=False)


def post(url: str, **settings) -> requests.Response:
    """POST without a proxy."""
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, timeout=20, **settings)


def pixels_of(response: requests.Response) -> NDArray[np.uint8]:
    """The pixels of a JPEG or PNG."""
    return np.asarray(Image.open(BytesIO(response.content)))
