"""The survey server as a process of its own, and a client of its control paths."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
_START_SECONDS = 60
# Where each service begins: what a client has to be given instead of the public address.
BASES = {
    "imgcutout": "/sdss/dr18/SkyServerWS/ImgCutout/getjpeg",
    "skyserver": "/sdss/dr18/SkyServerWS",
    "ps1filenames": "/panstarrs/cgi-bin/ps1filenames.py",
    "fitscut": "/panstarrs/cgi-bin/fitscut.cgi",
    "legacy": "/legacy/viewer",
    "bricks": "/bricks/coadd",
    "hips2fits": "/hips/hips-image-services/hips2fits",
    "hips2fits_mirror": "/hips-mirror/hips-image-services/hips2fits",
    "mocserver": "/moc/MocServer/query",
    "tap": "/vizier/TAPVizieR/tap",
    "files": "/files",
}


class RunningServer:
    """A server that runs; `url(service)` is where a service begins."""

    def __init__(self, base_url: str, process: subprocess.Popen):
        self.base_url = base_url
        self.process = process

    def url(self, service: str) -> str:
        """Where a service begins."""
        return self.base_url + BASES[service]

    def report(self, with_keys: bool = False) -> dict[str, Any]:
        """What was requested, by service."""
        return self._control("GET", "report" + ("?keys=1" if with_keys else ""))

    def behave(self, behaviour: Mapping[str, Any]) -> None:
        """Behave so from now on."""
        self._control("POST", "behaviour", behaviour)

    def forget(self) -> None:
        """Forget what was requested, and with it the attempts that misbehaviour counts."""
        self._control("POST", "reset")

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base_url}/control/{path}", data=data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as response:
            return json.load(response)


@contextmanager
def running_survey_server(
    behaviour: Mapping[str, Any] | None = None,
    latency_ms: float = 0,
    galaxies: int = 2_000,
    seed: int = 1,
    port: int = 0,
    field: tuple[float, float, float] | None = None,
) -> Iterator[RunningServer]:
    """A server in a process of its own, ended when the block ends.

    `port` 0 is any that is free, `field` that of the SkyCatalog.
    """
    with tempfile.TemporaryDirectory() as folder:
        port_file, behaviour_file = Path(folder, "port"), Path(folder, "behaviour.json")
        behaviour_file.write_text(json.dumps({"latency_ms": latency_ms, **(behaviour or {})}), encoding="utf-8")
        command = [sys.executable, "-m", "tests.services.survey_server", "--port-file", str(port_file)]
        command += ["--port", str(port), "--behaviour", str(behaviour_file)]
        command += ["--galaxies", str(galaxies), "--seed", str(seed)]
        command += ["--field", *map(str, field)] if field else []
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
        try:
            started = time.monotonic()
            while not port_file.exists():
                if process.poll() is not None or time.monotonic() - started > _START_SECONDS:
                    raise RuntimeError(f"the survey server did not start (exit status {process.poll()})")
                time.sleep(0.02)
            yield RunningServer(port_file.read_text(encoding="ascii"), process)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
