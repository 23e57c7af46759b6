"""One web server that speaks as the public surveys do, for tests and for a demonstration without internet.

    python -m tests.services.survey_server --port 8000

prints its base URL when it is ready (and writes it to --port-file). Paths are listed in routing.py, ways to misbehave
in misbehaviour.py. `/control/report` has what was requested, `/control/behaviour` (GET, POST) how the server behaves,
`/control/reset` (POST) forgets what was requested, `/control/sky` the size of the sky.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.services.broken_responses import send
from tests.services.exchange import ServiceRequest, ServiceResponse
from tests.services.misbehaviour import Behaviour
from tests.services.request_ledger import RequestLedger
from tests.services.routing import Services
from tests.services.sky_catalog import SkyCatalog

_LARGEST_UPLOAD = 1 << 28


class SurveyServer:
    """The handlers of the web server."""

    def __init__(self, sky: SkyCatalog, behaviour: Mapping[str, Any]):
        self.services = Services(sky)
        self.ledger = RequestLedger()
        self.behave(behaviour)

    def behave(self, behaviour: Mapping[str, Any]) -> None:
        """Behave so from now on; `ValueError` for a behaviour that is none."""
        self.behaviour = Behaviour.from_json(behaviour)
        limits = self.behaviour.limits
        self.services.sqlsearch.per_minute = limits.get("sqlsearch", {}).get("per_minute", 60)
        self.services.sqlsearch.most_rows = limits.get("sqlsearch", {}).get("rows", 500_000)
        self.services.tap.most_rows = limits.get("tap", {}).get("rows", 100_000)

    def application(self) -> web.Application:
        """The web application."""
        application = web.Application(client_max_size=_LARGEST_UPLOAD)
        application.router.add_get("/control/report", self._report)
        application.router.add_get("/control/behaviour", self._get_behaviour)
        application.router.add_post("/control/behaviour", self._set_behaviour)
        application.router.add_post("/control/reset", self._reset)
        application.router.add_get("/control/sky", self._get_sky)
        application.router.add_route("*", "/{path:.*}", self._serve)
        return application

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        service, protocol = self.services.find(request.path)
        received = await _received(request)
        key = _key(received)
        attempt = self.ledger.begin(service, key, received.path, request.headers.get("User-Agent", ""))
        outcome, size = "client_left", 0
        try:
            refusal = self._over_limit(service)
            if refusal:
                outcome = refusal
                busy = ServiceResponse(b"Too many requests\n", status=429)
                return await send(
                    request, busy, "reset" if refusal == "limit_reset" else None, self.behaviour, received
                )
            if self.behaviour.latency_seconds:
                await asyncio.sleep(self.behaviour.latency_seconds)
            response = protocol(received)
            kind = self.behaviour.kind(service, key, attempt, received, response)
            # Known before it is sent: a client that was killed meanwhile counts all the same.
            outcome, size = kind or response.outcome, len(response.body)
            return await send(request, response, kind, self.behaviour, received)
        finally:
            self.ledger.end(service, key, outcome, size)

    def _over_limit(self, service: str) -> str | None:
        limits = self.behaviour.limits.get(service, {})
        if self.ledger.at_work(service) > limits.get("at_a_time", float("inf")):
            return "limit_reset" if limits.get("refuse") == "reset" else "limit_429"
        if self.ledger.in_last_second(service) > limits.get("per_second", float("inf")):
            return "limit_429"
        return None

    async def _report(self, request: web.Request) -> web.Response:
        return web.json_response(self.ledger.report("keys" in request.query))

    async def _get_behaviour(self, request: web.Request) -> web.Response:
        return web.json_response(self.behaviour.source)

    async def _set_behaviour(self, request: web.Request) -> web.Response:
        try:
            self.behave(await request.json())
        except (ValueError, TypeError, KeyError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(self.behaviour.source)

    async def _reset(self, request: web.Request) -> web.Response:
        self.ledger.forget()
        return web.json_response({})

    async def _get_sky(self, request: web.Request) -> web.Response:
        sky = self.services.sky
        return web.json_response({"galaxies": sky.number, "seed": sky.seed})


async def _received(request: web.Request) -> ServiceRequest:
    values = {name.lower(): value for name, value in request.query.items()}
    file = None
    if request.method == "POST":
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                file = value.file.read()
            elif isinstance(value, bytes | bytearray):
                file = bytes(value)
            else:
                values[name.lower()] = value
    return ServiceRequest(
        method=request.method,
        path=request.path,
        values=values,
        file=file,
        base_url=f"http://{request.host}",
        client=request.remote or "",
        byte_range=request.headers.get("Range", ""),
    )


def _key(received: ServiceRequest) -> str:
    values = "&".join(f"{name}={value}" for name, value in sorted(received.values.items()))
    upload = "" if received.file is None else f" {received.file.decode('ascii', 'replace')}"
    return f"{received.method} {received.path}?{values}{upload}"


async def serve(server: SurveyServer, port: int, port_file: Path | None) -> None:
    """Serve until cancelled; print the base URL when it is ready."""
    runner = web.AppRunner(server.application(), access_log=None, keepalive_timeout=75, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    print(base_url, flush=True)
    if port_file:
        temporary = port_file.with_name(port_file.name + ".part")
        temporary.write_text(base_url, encoding="ascii")
        os.replace(temporary, port_file)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def build_parser() -> argparse.ArgumentParser:
    """Command line of the server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 for any that is free")
    parser.add_argument("--port-file", type=Path, help="where to write the base URL when the server is ready")
    parser.add_argument("--behaviour", type=Path, help="how to behave (JSON)")
    parser.add_argument("--latency-ms", type=float, help="of every response")
    parser.add_argument("--galaxies", type=int, default=20_000, help="in the catalog, default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="of the sky, default: %(default)s")
    field = parser.add_argument("--field", nargs=3, type=float, metavar=("RA", "DEC", "RADIUS"))
    field.help = "degrees; a deep field with all galaxies"
    return parser


def main() -> None:
    """Run the server."""
    arguments = build_parser().parse_args()
    behaviour = json.loads(arguments.behaviour.read_text(encoding="utf-8")) if arguments.behaviour else {}
    if arguments.latency_ms is not None:
        behaviour["latency_ms"] = arguments.latency_ms
    server = SurveyServer(
        SkyCatalog(arguments.galaxies, arguments.seed, arguments.field and tuple(arguments.field)), behaviour
    )
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(server, arguments.port, arguments.port_file))
    except OSError as error:
        sys.exit(f"error: --port {arguments.port}: {error.strerror or error}")


if __name__ == "__main__":
    main()
