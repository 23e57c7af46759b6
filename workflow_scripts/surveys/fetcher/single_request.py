"""One request and its response, with every size, time and redirect limited."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import aiohttp

from workflow_scripts.errors import first_line
from workflow_scripts.http_services.addresses import AddressGuard, ForbiddenAddressError
from workflow_scripts.surveys.fetcher.connections import Connections

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_PIECE = 2**16


@dataclass(frozen=True)
class Received:
    """A whole response. `reason_phrase` and `content_type` are as the service has them, cut to a line."""

    url: str
    status: int
    reason_phrase: str
    content_type: str
    retry_after: str | None
    body: bytes
    # Whether the end of the body was marked: by its length, or by the last chunk.
    end_was_marked: bool


@dataclass(frozen=True)
class NotReceived:
    """No response, or not all of it. `unreachable`: there was not even a connection."""

    reason: str
    transient: bool = True
    unreachable: bool = False


@dataclass(frozen=True)
class Upload:
    """A file to send with a POST."""

    fields: tuple[tuple[str, str], ...]
    file: bytes


async def request_once(
    connections: Connections,
    guard: AddressGuard,
    url: str,
    largest_bytes: int,
    timeout_seconds: float,
    upload: Upload | None = None,
) -> Received | NotReceived:
    """GET (or POST, with an upload) a URL and follow its redirects where the guard allows it.

    Nothing is raised for what a service or the network does: every error is a `NotReceived`.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_seconds, connect=min(timeout_seconds, 20.0))
    origin = url
    try:
        async with connections.one() as session:
            for visited in range(_MOST_REDIRECTS + 1):
                guard.check(url, origin)
                if visited:
                    await connections.turn()
                response = await _once(session, url, largest_bytes, timeout, upload)
                if isinstance(response, NotReceived | Received):
                    return response
                url = response
            return NotReceived(f"more than {_MOST_REDIRECTS} redirects", transient=False)
    except ForbiddenAddressError as error:
        return NotReceived(f"refused to go on: {error}", transient=False)
    except TimeoutError:
        return NotReceived(f"no whole response within {timeout_seconds:g} s")
    except aiohttp.ClientConnectorError as error:
        reason = error.os_error.strerror or str(error.os_error)
        return NotReceived(f"no connection to {urlsplit(url).netloc}: {reason}", unreachable=True)
    except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, ConnectionError, asyncio.IncompleteReadError):
        return NotReceived("the connection broke off")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # A broken header, chunk or certificate.
        return NotReceived(first_line(error)[:200])


async def _once(
    session: aiohttp.ClientSession, url: str, largest_bytes: int, timeout: aiohttp.ClientTimeout, upload: Upload | None
) -> Received | NotReceived | str:
    """The response, or where it redirects to."""
    form = None
    if upload is not None:
        form = aiohttp.FormData()
        for name, value in upload.fields:
            form.add_field(name, value)
        form.add_field("file", upload.file, filename="positions.txt", content_type="text/plain")
    request = session.request(
        "GET" if form is None else "POST",
        url,
        data=form,
        allow_redirects=False,
        timeout=timeout,
    )
    async with request as response:
        headers = response.headers
        if response.status in _REDIRECTS and "Location" in headers:
            response.close()
            return urljoin(url, headers["Location"])
        length = response.content_length
        if length is not None and length > largest_bytes:
            response.close()
            return NotReceived(f"{length} bytes, expected at most {largest_bytes}", transient=False)
        pieces, size = [], 0
        async for piece in response.content.iter_chunked(_PIECE):
            size += len(piece)
            if size > largest_bytes:
                response.close()
                return NotReceived(f"more than {largest_bytes} bytes", transient=False)
            pieces.append(piece)
        if length is not None and size != length:
            return NotReceived(f"{size} bytes of {length}")
        if (encoding := headers.get("Content-Encoding", "identity").lower()) not in ("identity", ""):
            return NotReceived(f"packed with {encoding[:40]}, which was not requested", transient=False)
        return Received(
            url=url,
            status=response.status,
            reason_phrase=_line(response.reason or ""),
            content_type=_line(headers.get("Content-Type", "")),
            retry_after=headers.get("Retry-After"),
            body=b"".join(pieces),
            end_was_marked=length is not None or "chunked" in headers.get("Transfer-Encoding", "").lower(),
        )


def _line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:200])
