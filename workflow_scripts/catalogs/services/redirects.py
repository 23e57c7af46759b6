"""What is requested after a redirect: a query is sent again with its parameters, or not at all; it is never lost.

What browsers and most libraries do (a POST turns into a GET without its body) would leave a service with an empty
query, whose response may look like a table.
"""

import re
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from requests import PreparedRequest
from requests.exceptions import InvalidURL
from requests.utils import requote_uri

REDIRECTS = (301, 302, 303, 307, 308)
# By these statuses the same request is to be made at the new address.
_SAME_REQUEST = (307, 308)
# Ends of addresses that take queries: of a TAP service, and of SkyServer.
_ENDPOINTS = ("sync", "async", "sqlsearch")
_OF_ENDPOINT = re.compile(r"/(sync|async|searchtools/sqlsearch)/*$", re.IGNORECASE)
_PARAMETERS = re.compile(r"(^|&)(query|cmd)=", re.IGNORECASE)


class LostQueryError(ValueError):
    """A redirect to where the query would be lost, or that is none; the message has the address and the key."""


def target(url: str, location: str) -> str:
    """The URL to which a redirect from `url` leads, by its Location, which may be relative.

    Raises `LostQueryError` for a location that is none.
    """
    try:
        # The header is bytes that are mostly UTF-8, read as Latin-1.
        readable = location.encode("latin-1", "replace").decode("utf-8", "replace")
        parts = urlsplit(requote_uri(urljoin(url, readable)))
        _ = parts.port
    except (ValueError, InvalidURL):
        raise LostQueryError(f"redirects to {location[:200]!r}, which is no URL") from None
    return urlunsplit(parts._replace(fragment=""))


def redirected(request: PreparedRequest, status: int, url: str) -> PreparedRequest:
    """The request to make after a redirect of `request` to `url`.

    Raises `LostQueryError` where the query is neither expected again at the new address, on the same host, nor part of
    that address, nor done so that only its result is to be had there.
    """
    old, new = urlsplit(str(request.url)), urlsplit(url)
    following = request.copy()
    following.url = url
    is_post = request.method == "POST"
    carries_query = bool(request.body) if is_post else _end(old) in _ENDPOINTS and bool(old.query)
    if not carries_query:
        return following if not is_post or status in _SAME_REQUEST else _without_body(following)
    if _PARAMETERS.search(new.query):
        return following if status in _SAME_REQUEST else _without_body(following)
    if is_post and status in _SAME_REQUEST:
        return following
    if _end(old) == _end(new) and (status != 303 or _end(old) in _ENDPOINTS):
        # The same resource elsewhere: another scheme, a trailing slash, another path.
        if old.hostname != new.hostname:
            raise LostQueryError(
                f"the query was sent on to another host (status {status}); if that is the service's new address, it is"
                f" expected as the catalog's url: {_service(new)[:200]} (catalogs, url)"
            )
        if not is_post:
            following.url = urlunsplit(new._replace(query="&".join(filter(None, (new.query, old.query)))))
        return following
    if status == 303 or _end(old) not in _ENDPOINTS or set(_segments(new)[:-1]) & set(_ENDPOINTS):
        # The query is done, or has become a job, and the address is that of its result or of the job.
        return _without_body(following)
    raise LostQueryError(
        f"the query was sent on to {url[:200]} (status {status}), where it would be lost; the service's new address is"
        " expected as the catalog's url (catalogs, url)"
    )


def _without_body(request: PreparedRequest) -> PreparedRequest:
    request.method, request.body = "GET", None
    for name in ("Content-Length", "Content-Type", "Transfer-Encoding"):
        request.headers.pop(name, None)
    return request


def _segments(parts: SplitResult) -> list[str]:
    return [segment for segment in parts.path.lower().split("/") if segment]


def _end(parts: SplitResult) -> str:
    return (_segments(parts) or [""])[-1]


def _service(parts: SplitResult) -> str:
    """The address of a service, without what it has for queries."""
    return urlunsplit(parts._replace(path=_OF_ENDPOINT.sub("", parts.path), query="", fragment=""))
