"""Sends answers: whole, altered, or broken on the wire."""

import asyncio
import socket
import struct
from collections.abc import Mapping

from aiohttp import web

from tests.services.altered_responses import ALTERATIONS
from tests.services.exchange import Answer, Asked
from tests.services.misbehaviour import Behaviour

_PIECE = 1 << 16
_DRIPS_A_SECOND = 2


async def send(
    request: web.Request, answer: Answer, kind: str | None, behaviour: Behaviour, asked: Asked
) -> web.StreamResponse:
    """Send an answer as a kind of misbehaviour says, None for as it is."""
    try:
        if kind == "stalled_504":
            await asyncio.sleep(behaviour.hang_seconds)
            return web.Response(status=504)
        if kind in _BREAKS:
            await _BREAKS[kind](request, answer, behaviour)
            # The connection is gone: nothing of this is sent.
            return web.Response()
        if kind is not None:
            answer = ALTERATIONS[kind].alter(answer, asked, behaviour.retry_after_seconds)
        return await _whole(request, answer)
    except ConnectionError:
        # The client has left.
        return web.Response()


async def _whole(request: web.Request, answer: Answer) -> web.StreamResponse:
    headers = {"Content-Type": answer.content_type, **answer.headers}
    if not answer.chunked:
        return web.Response(body=answer.body, status=answer.status, reason=answer.reason, headers=headers)
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    for start in range(0, len(answer.body), _PIECE):
        await response.write(answer.body[start : start + _PIECE])
    await response.write_eof()
    return response


def _head(answer: Answer, extra: Mapping[str, str]) -> bytes:
    headers = {"Content-Type": answer.content_type, **answer.headers, **extra, "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} {answer.reason or 'OK'}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


def reset(request: web.Request) -> None:
    """End the connection with RST: nothing more is sent, nothing more is read."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


async def _reset(request: web.Request, answer: Answer, behaviour: Behaviour) -> None:
    reset(request)


async def _hang(request: web.Request, answer: Answer, behaviour: Behaviour) -> None:
    await asyncio.sleep(behaviour.hang_seconds)
    reset(request)


async def _slow_headers(request: web.Request, answer: Answer, behaviour: Behaviour) -> None:
    await _drip(request, _head(answer, {"Content-Length": str(len(answer.body))}), behaviour)


async def _slow_drip(request: web.Request, answer: Answer, behaviour: Behaviour) -> None:
    _write(request, _head(answer, {"Content-Length": str(len(answer.body))}))
    await _drip(request, answer.body, behaviour)


async def _drip(request: web.Request, text: bytes, behaviour: Behaviour) -> None:
    """A byte now and then, for as long as a server hangs."""
    for number in range(int(behaviour.hang_seconds * _DRIPS_A_SECOND)):
        _write(request, text[number : number + 1])
        await asyncio.sleep(1 / _DRIPS_A_SECOND)
    reset(request)


async def _truncated(request: web.Request, answer: Answer, behaviour: Behaviour) -> None:
    head = _head(answer, {"Content-Length": str(len(answer.body))})
    _write(request, head + answer.body[: len(answer.body) // 2], end=True)


async def _unfinished_chunks(request: web.Request, answer: Answer, behaviour: Behaviour) -> None:
    """Whole chunks with half of the body, and never the last one."""
    half = answer.body[: len(answer.body) // 2]
    _write(request, _head(answer, {"Transfer-Encoding": "chunked"}) + b"%x\r\n%b\r\n" % (len(half), half), end=True)


async def _cut_without_length(request: web.Request, answer: Answer, behaviour: Behaviour) -> None:
    """Neither length nor chunks: only the content can tell that half is missing."""
    _write(request, _head(answer, {}) + answer.body[: len(answer.body) // 2], end=True)


async def _oversized(request: web.Request, answer: Answer, behaviour: Behaviour) -> None:
    """The body, and then zeros without an end in sight."""
    response = web.StreamResponse(headers={"Content-Type": answer.content_type})
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(answer.body or b"\0")
    for _ in range(behaviour.oversized_bytes // _PIECE):
        await response.write(bytes(_PIECE))
    await response.write_eof()


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
