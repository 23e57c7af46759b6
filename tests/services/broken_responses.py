"""Sends responses: whole, altered, or broken on the wire."""

import asyncio
import socket
import struct
from collections.abc import Mapping

from aiohttp import web

from tests.services.altered_responses import ALTERATIONS
from tests.services.exchange import ServiceRequest, ServiceResponse
from tests.services.misbehaviour import Behaviour

_PIECE = 1 << 16
_DRIPS_A_SECOND = 2


async def send(
    request: web.Request, response: ServiceResponse, kind: str | None, behaviour: Behaviour, received: ServiceRequest
) -> web.StreamResponse:
    """Send a response in a kind of misbehaviour, None for as it is."""
    try:
        if kind == "stalled_504":
            await asyncio.sleep(behaviour.hang_seconds)
            return web.Response(status=504)
        if kind in _BREAKS:
            await _BREAKS[kind](request, response, behaviour)
            # The connection is gone: nothing of this is sent.
            return web.Response()
        if kind is not None:
            response = ALTERATIONS[kind].alter(response, received, behaviour.retry_after_seconds)
        return await _whole(request, response)
    except ConnectionError:
        # The client has left.
        return web.Response()


async def _whole(request: web.Request, response: ServiceResponse) -> web.StreamResponse:
    headers = {"Content-Type": response.content_type, **response.headers}
    if not response.chunked:
        return web.Response(body=response.body, status=response.status, reason=response.reason, headers=headers)
    stream = web.StreamResponse(status=response.status, reason=response.reason, headers=headers)
    stream.enable_chunked_encoding()
    await stream.prepare(request)
    for start in range(0, len(response.body), _PIECE):
        await stream.write(response.body[start : start + _PIECE])
    await stream.write_eof()
    return stream


def _head(response: ServiceResponse, extra: Mapping[str, str]) -> bytes:
    headers = {"Content-Type": response.content_type, **response.headers, **extra, "Connection": "close"}
    lines = [f"HTTP/1.1 {response.status} {response.reason or 'OK'}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


def reset(request: web.Request) -> None:
    """End the connection with RST: nothing more is sent, nothing more is read."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


async def _reset(request: web.Request, response: ServiceResponse, behaviour: Behaviour) -> None:
    reset(request)


async def _hang(request: web.Request, response: ServiceResponse, behaviour: Behaviour) -> None:
    await asyncio.sleep(behaviour.hang_seconds)
    reset(request)


async def _slow_headers(request: web.Request, response: ServiceResponse, behaviour: Behaviour) -> None:
    await _drip(request, _head(response, {"Content-Length": str(len(response.body))}), behaviour)


async def _slow_drip(request: web.Request, response: ServiceResponse, behaviour: Behaviour) -> None:
    _write(request, _head(response, {"Content-Length": str(len(response.body))}))
    await _drip(request, response.body, behaviour)


async def _drip(request: web.Request, text: bytes, behaviour: Behaviour) -> None:
    """A byte now and then, for as long as a server hangs."""
    for number in range(int(behaviour.hang_seconds * _DRIPS_A_SECOND)):
        _write(request, text[number : number + 1])
        await asyncio.sleep(1 / _DRIPS_A_SECOND)
    reset(request)


async def _truncated(request: web.Request, response: ServiceResponse, behaviour: Behaviour) -> None:
    head = _head(response, {"Content-Length": str(len(response.body))})
    _write(request, head + response.body[: len(response.body) // 2], end=True)


async def _unfinished_chunks(request: web.Request, response: ServiceResponse, behaviour: Behaviour) -> None:
    """Whole chunks with half of the body, and never the last one."""
    half = response.body[: len(response.body) // 2]
    _write(request, _head(response, {"Transfer-Encoding": "chunked"}) + b"%x\r\n%b\r\n" % (len(half), half), end=True)


async def _cut_without_length(request: web.Request, response: ServiceResponse, behaviour: Behaviour) -> None:
    """Neither length nor chunks: only the content shows that half is missing."""
    _write(request, _head(response, {}) + response.body[: len(response.body) // 2], end=True)


async def _oversized(request: web.Request, response: ServiceResponse, behaviour: Behaviour) -> None:
    """The body, and then zeros without an end in sight."""
    stream = web.StreamResponse(headers={"Content-Type": response.content_type})
    stream.enable_chunked_encoding()
    await stream.prepare(request)
    await stream.write(response.body or b"\0")
    for _ in range(behaviour.oversized_bytes // _PIECE):
        await stream.write(bytes(_PIECE))
    await stream.write_eof()


def _write(request: web.Request, text: bytes, end: bool = False) -> None:
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError
    transport.write(text)
    if end:
        transport.close()


_BREAKS = {
    "reset": _reset,
    "hang": _hang,
    "slow_headers": _slow_headers,
    "slow_drip": _slow_drip,
    "truncated": _truncated,
    "unfinished_chunks": _unfinished_chunks,
    "cut_without_length": _cut_without_length,
    "oversized": _oversized,
}
