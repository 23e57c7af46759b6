"""Cutouts a second, CPU and memory of the fetcher, beside img2dataset on the same server.

    python -m tests.benchmarks.cutout_throughput [--images 20000] [--img2dataset PROGRAM]

A local server gives JPEGs of about 20 kB after 50 ms, to 64 requests at a time (1,280 a second at most); both write
Parquet. Then once more with 5 % of the images refused at first (503, Retry-After: 1): how many are lost. img2dataset is
no dependency: without --img2dataset (the program in an environment of its own) it is left out, as its line states. It
has two lines, set not to decode images and to decode them once, as the fetcher does with every image that it checks.
Each program also gets one image only, whose CPU time is that of its start. The last line lists what takes the fetcher's
CPU time.
"""

import argparse
import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow.parquet as pq
from aiohttp import web
from PIL import Image
from scipy.ndimage import gaussian_filter

from tests.benchmarks.measurement import measured
from workflow_scripts.image_checks.acceptance import check_whole_jpeg
from workflow_scripts.images.decoding import decode
from workflow_scripts.provenance import provenance
from workflow_scripts.surveys.archive import fetch_batches, write_batches
from workflow_scripts.surveys.fetcher.connections import AccessLimits, Received
from workflow_scripts.surveys.fetcher.journal import Journal
from workflow_scripts.surveys.fetcher.service import Galaxy
from workflow_scripts.surveys.kept_tiles import SideFolder
from workflow_scripts.surveys.service_survey import ServiceSurvey
from workflow_scripts.surveys.services.sdss import Sdss
from workflow_scripts.surveys.survey import CutoutResult

CONCURRENCY = 64
LATENCY_SECONDS = 0.05
SIZE = 208
SHARE_OF_503 = 0.05
# The options of its two lines.
IMG2DATASET = {
    "img2dataset": {"disable_all_reencoding": True},
    "img2dataset, decoding": {"skip_reencode": True},
}
ACCESS = AccessLimits(CONCURRENCY, None, 6, 3, 60.0, 60.0)


def pictures() -> list[bytes]:
    """64 JPEGs of about 20 kB."""
    found = []
    for seed in range(64):
        noise = np.random.default_rng(seed).normal(size=(SIZE, SIZE, 3))
        pixels = 128 + 40 * noise * 0.55 + 30 * gaussian_filter(noise, (6, 6, 0)) * 12
        buffer = BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
        found.append(buffer.getvalue())
    return found


def serve(port_file: Path, share_of_503: float) -> None:
    """Serve until killed."""
    images, seen = pictures(), set()

    async def response(request: web.Request) -> web.Response:
        await asyncio.sleep(LATENCY_SECONDS)
        number = zlib.crc32(request.query_string.encode())
        if number % 1000 < 1000 * share_of_503 and request.query_string not in seen:
            seen.add(request.query_string)
            return web.Response(status=503, headers={"Retry-After": "1"})
        return web.Response(body=images[number % len(images)], content_type="image/jpeg")

    async def run() -> None:
        application = web.Application()
        application.router.add_get("/getjpeg", response)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        port_file.with_suffix(".part").write_text(f"http://127.0.0.1:{runner.addresses[0][1]}/getjpeg")
        os.replace(port_file.with_suffix(".part"), port_file)
        await asyncio.Event().wait()

    asyncio.run(run())


def galaxies(number: int) -> pd.DataFrame:
    """Requests as they come from a catalog."""
    ra = np.arange(number) * 1e-3
    return pd.DataFrame({"source_id": [str(10**18 + row) for row in range(number)], "ra": ra % 360, "dec": 1.0})


def service(url: str) -> Sdss:
    """The client whose URLs both programs request."""
    return Sdss({"url": url, "cutout": {"size_px": SIZE, "pixel_scale_arcsec": 0.4}})


def fetch(url: str, number: int, folder: Path) -> None:
    """What the step does, with more connections than the configuration allows towards a public service."""
    output = folder / "tile0.parquet"
    side_folder = SideFolder(output, {"url": url})
    survey = ServiceSurvey(service(url), 0.4, ACCESS, side_folder, folder / "limits", "skybias/benchmark", None, 0.01)
    write_batches(output, fetch_batches(survey, galaxies(number), SIZE), provenance({}, {}, []), lambda ledger: None)
    side_folder.finish()


def measured_command(command: list[str]) -> dict[str, float]:
    """Wall time, CPU time and peak memory (of all its processes together) of a command."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        watched, peak = psutil.Process(process.pid), 0
        while True:
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                process.returncode = os.waitstatus_to_exitcode(status)
                break
            peak = max(peak, _memory(watched))
            time.sleep(0.1)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(output.read()[-2000:].decode(errors="replace"))
    seconds = time.monotonic() - started
    return {"seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_mb": peak / 2**20}


def _memory(process: psutil.Process) -> int:
    total = 0
    try:
        for each in [process, *process.children(recursive=True)]:
            total += each.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
    return total


def of_skybias(url: str, number: int, folder: Path) -> tuple[dict[str, float], int]:
    """The measure of the fetcher, and how many images came."""
    command = [sys.executable, "-m", __spec__.name, "--fetch", url, str(number), str(folder)]
    measure = measured_command(command)
    return measure, pq.read_table(folder / "tile0.parquet", columns=["outcome"])["outcome"].to_pylist().count(
        "delivered"
    )


def of_img2dataset(
    program: str, decoding: dict[str, bool], url: str, number: int, folder: Path
) -> tuple[dict[str, float], int]:
    """The same of img2dataset, with its options on `decoding`."""
    client, table = service(url), galaxies(number)
    requests = ServiceSurvey(client, 0.4, ACCESS, SideFolder(folder / "x", {}), folder, "", None, 0.01)._galaxies(table)
    pd.DataFrame({"url": [client.url(galaxy, 0) for galaxy in requests]}).to_parquet(folder / "urls.parquet")
    options = {
        "url_list": folder / "urls.parquet",
        "input_format": "parquet",
        "output_folder": folder / "images",
        "output_format": "parquet",
        "processes_count": 1,
        "thread_count": CONCURRENCY,
        "resize_mode": "no",
        "compute_hash": "sha256",
        "enable_wandb": False,
        **decoding,
    }
    measure = measured_command([program, *(f"--{key}={value}" for key, value in options.items())])
    shards = sorted((folder / "images").glob("*.parquet"))
    statuses = [status for shard in shards for status in pq.read_table(shard, columns=["status"])["status"].to_pylist()]
    return measure, statuses.count("success")


@contextmanager
def server(folder: Path, share_of_503: float) -> Iterator[tuple[str, psutil.Process]]:
    """The URL of a server, and its process."""
    port_file = folder / "port"
    command = [sys.executable, "-m", __spec__.name, "--serve", str(port_file), "--share", str(share_of_503)]
    process = subprocess.Popen(command)
    try:
        while not port_file.exists():
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with status {process.returncode}")
            time.sleep(0.05)
        yield port_file.read_text(), psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def compare(number: int, img2dataset: str | None, share_of_503: float) -> float:
    """A line for each program; the CPU time (s) of the fetcher."""
    cpu_seconds = show("skybias", number, share_of_503, of_skybias)["cpu_seconds"]
    if img2dataset is None:
        print("img2dataset: left out, expected --img2dataset PROGRAM", flush=True)
    else:
        for name, decoding in IMG2DATASET.items():
            show(name, number, share_of_503, partial(of_img2dataset, img2dataset, decoding))
    return cpu_seconds


def show(
    program: str,
    number: int,
    share_of_503: float,
    download: Callable[[str, int, Path], tuple[dict[str, float], int]],
) -> dict[str, float]:
    """Print one line of JSON about a program and the server beside it; the measure."""
    with tempfile.TemporaryDirectory() as name, server(Path(name), share_of_503) as (url, process):
        before = process.cpu_times()
        measure, delivered = download(url, number, Path(name))
        after = process.cpu_times()
        (folder := Path(name) / "start").mkdir()
        starting = download(url, 1, folder)[0]["cpu_seconds"]
    of_server = after.user + after.system - before.user - before.system
    line = {
        "program": program,
        "images": number,
        "share_of_503": share_of_503,
        "images_a_second": round(number / measure["seconds"], 1),
        "cpu_seconds_per_1000": round(measure["cpu_seconds"] / number * 1000, 2),
        "starting_cpu_seconds": round(starting, 2),
        "cpu_seconds_per_1000_once_started": round((measure["cpu_seconds"] - starting) / number * 1000, 2),
        "server_cpu_seconds_per_1000": round(of_server / number * 1000, 2),
        "peak_mb": round(measure["peak_mb"]),
        "lost": number - delivered,
    }
    print(json.dumps(line), flush=True)
    return measure


def show_what_takes_the_time(number: int, cpu_seconds: float, tried: int = 2000) -> None:
    """One line: CPU seconds per 1,000 images of each part of a download, measured apart on `tried` images.

    The rest is what cannot be measured apart: sockets, HTTP, tasks, locks.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with server(folder, 0.0) as (url, _):
            starting = of_skybias(url, 1, folder)[0]["cpu_seconds"] / number
        client, image = service("http://localhost/getjpeg"), pictures()[0]
        requested = [Galaxy(str(row), float(row) % 360, 1.0, 0.4) for row in range(tried)]
        response = Received("", 200, "OK", "image/jpeg", None, image, True)
        digest = hashlib.sha256(image).hexdigest()
        parts: dict[str, Callable[[], object]] = {
            "url": lambda: [client.url(galaxy, 0) for galaxy in requested],
            "sha256": lambda: [hashlib.sha256(image) for _ in requested],
            "decoding": lambda: [decode(image) for _ in requested],
            "check of the coded data": lambda: [check_whole_jpeg(image) for _ in requested],
            "check of the pixels": lambda: [client.judge(response, galaxy) for galaxy in requested],
            "journal": lambda: write_journal(folder / "journal", requested, image),
            "archive": lambda: write_archive(folder / "tile.parquet", requested, image, digest),
        }
        each = {}
        for part, run in parts.items():
            run()
            with measured() as cost:
                run()
            each[part] = cost.cpu / tried
    # The digest is taken once when an image is judged and once when it goes into the archive.
    each["check of the pixels"] -= each["sha256"] + each["decoding"] + each["check of the coded data"]
    each["archive"] -= each["sha256"]
    each["sha256"] *= 2
    shown = {"starting": starting, **each}
    shown["requests"] = cpu_seconds / number - sum(shown.values())
    parts_shown = {part: round(seconds * 1000, 3) for part, seconds in shown.items()}
    print(json.dumps({"program": "skybias", "images": number, "cpu_seconds_per_1000_of": parts_shown}), flush=True)


def write_journal(path: Path, requested: list[Galaxy], image: bytes) -> None:
    """Record a result of every request."""
    head = {"outcome": "delivered", "reason": "", "format": "jpeg", "sha256": "0" * 64, "url": "", "attempts": 1}
    with Journal(path) as journal:
        for galaxy in requested:
            journal.write(galaxy.key, head, image)


def write_archive(path: Path, requested: list[Galaxy], image: bytes, digest: str) -> None:
    """Write the tile of these results."""

    class Fetched:
        def cutouts(self, requests: pd.DataFrame) -> Iterator[CutoutResult]:
            for source_id in requests["source_id"]:
                yield CutoutResult(source_id, "delivered", "", image, "jpeg", "", 1, checked_sha256=digest)

    requests = pd.DataFrame({"source_id": [galaxy.source_id for galaxy in requested], "ra": 0.0, "dec": 0.0})
    write_batches(path, fetch_batches(Fetched(), requests, SIZE), {}, lambda ledger: None)


def main() -> None:
    """Run the benchmark, or one of its processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--img2dataset", help="its program")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--share", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--fetch", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.share)
    elif arguments.fetch:
        url, number, folder = arguments.fetch
        fetch(url, int(number), Path(folder))
    else:
        cpu_seconds = compare(arguments.images, arguments.img2dataset, 0.0)
        compare(arguments.images, arguments.img2dataset, SHARE_OF_503)
        show_what_takes_the_time(arguments.images, cpu_seconds)


if __name__ == "__main__":
    main()
