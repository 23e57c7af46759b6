"""A request as the protocols see it, and the response that they give: neither knows the web server."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

TEXT, HTML, JSON = "text/plain", "text/html", "application/json"
JPEG, PNG = "image/jpeg", "image/png"


@dataclass(frozen=True)
class ServiceRequest:
    """One request. `values` are the parameters of the query and of a form (names in lower case), `file` an upload."""

    method: str
    path: str
    values: Mapping[str, str]
    file: bytes | None = None
    base_url: str = ""
    client: str = ""
    byte_range: str = ""

    def number(self, name: str) -> float:
        """A parameter as a finite number; `ValueError` where it is absent or none."""
        value = float(self.values.get(name, ""))
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(name)
        return value


@dataclass(frozen=True)
class ServiceResponse:
    """One response. `chunked`: sent without a length, as streams are."""

    body: bytes = b""
    content_type: str = TEXT
    status: int = 200
    reason: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    chunked: bool = False
    # What it is, in the counts of the report.
    outcome: str = "ok"


def json_response(given: object, status: int, outcome: str) -> ServiceResponse:
    """An error in JSON."""
    return ServiceResponse(json.dumps(given).encode(), JSON, status, outcome=outcome)
