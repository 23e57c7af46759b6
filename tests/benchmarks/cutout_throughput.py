"""Cutouts a second, CPU and memory of the fetcher, beside img2dataset on the same server.

    python -m tests.benchmarks.cutout_throughput [--images 20000] [--img2dataset PROGRAM]

A local server gives JPEGs of about 20 kB after 50 ms, to 64 requests at a time; both write Parquet. Then once more
with 5 % of the first requests answered 503: how many images are lost. img2dataset is no dependency: without
--img2dataset (the program in an environment of its own) it is left out, and the line says so. It is told not to decode;
the fetcher decodes every image and checks it.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow.parquet as pq
from aiohttp import web
from PIL import Image
from scipy.ndimage import gaussian_filter

from workflow_scripts.provenance import provenance
from workflow_scripts.surveys.archive import fetch_batches, write_batches
from workflow_scripts.surveys.fetcher.asking import Access
from workflow_scripts.surveys.network import NetworkSurvey
from workflow_scripts.surveys.services.sdss import Sdss
from workflow_scripts.surveys.side_folder import SideFolder

CONCURRENCY = 64
LATENCY_SECONDS = 0.05
SIZE = 208
SHARE_OF_503 = 0.05
ACCESS = Access(CONCURRENCY, None, 6, 3, 60.0, 60.0)


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
    """Answer until killed."""
    images, seen = pictures(), set()

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(LATENCY_SECONDS)
        number = zlib.crc32(request.query_string.encode())
        if number % 1000 < 1000 * share_of_503 and request.query_string not in seen:
            seen.add(request.query_string)
            return web.Response(status=503)
        return web.Response(body=images[number % len(images)], content_type="image/jpeg")

    async def run() -> None:
        application = web.Application()
        application.router.add_get("/getjpeg", answer)
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
    """The client whose URLs both programs ask for."""
    return Sdss({"url": url, "cutout": {"size_px": SIZE, "pixel_scale_arcsec": 0.4}})


def fetch(url: str, number: int, folder: Path) -> None:
    """What the step does, with more connections than the configuration allows towards a public service."""
    output = folder / "tile0.parquet"
    side_folder = SideFolder(output, {"url": url})
    survey = NetworkSurvey(service(url), 0.4, ACCESS, side_folder, folder / "limits", "skybias/benchmark", None)
    write_batches(output, fetch_batches(survey, galaxies(number), SIZE), provenance({}, {}, []), lambda ledger: None)
    side_folder.finish()


def measured(command: list[str]) -> dict[str, float]:
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
    measure = measured(command)
    return measure, pq.read_table(folder / "tile0.parquet", columns=["outcome"])["outcome"].to_pylist().count(
        "delivered"
    )


def of_img2dataset(program: str, url: str, number: int, folder: Path) -> tuple[dict[str, float], int]:
    """The same of img2dataset."""
    client, table = service(url), galaxies(number)
    requests = NetworkSurvey(client, 0.4, ACCESS, SideFolder(folder / "x", {}), folder, "", None)._galaxies(table)
    pd.DataFrame({"url": [client.url(galaxy, 0) for galaxy in requests]}).to_parquet(folder / "urls.parquet")
    options = {
        "url_list": folder / "urls.parquet",
        "input_format": "parquet",
        "output_folder": folder / "images",
        "output_format": "parquet",
        "processes_count": 1,
        "thread_count": CONCURRENCY,
        "resize_mode": "no",
        "disable_all_reencoding": True,
        "compute_hash": "sha256",
        "enable_wandb": False,
    }
    measure = measured([program, *(f"--{key}={value}" for key, value in options.items())])
    shards = sorted((folder / "images").glob("*.parquet"))
    statuses = [status for shard in shards for status in pq.read_table(shard, columns=["status"])["status"].to_pylist()]
    return measure, statuses.count("success")


def compare(number: int, img2dataset: str | None, share_of_503: float) -> None:
    """A line for each program."""
    with tempfile.TemporaryDirectory() as name:
        port_file = Path(name) / "port"
        server = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, "--serve", str(port_file), "--share", str(share_of_503)]
        )
        try:
            while not port_file.exists():
                time.sleep(0.05)
            url = port_file.read_text()
            (Path(name) / "skybias").mkdir()
            show("skybias", number, share_of_503, *of_skybias(url, number, Path(name) / "skybias"))
        finally:
            server.kill()
            server.wait()
        if img2dataset is None:
            print("img2dataset: left out, expected --img2dataset PROGRAM")
            return
        port_file.unlink()
        server = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, "--serve", str(port_file), "--share", str(share_of_503)]
        )
        try:
            while not port_file.exists():
                time.sleep(0.05)
            (Path(name) / "img2dataset").mkdir()
            arguments = (img2dataset, port_file.read_text(), number, Path(name) / "img2dataset")
            show("img2dataset", number, share_of_503, *of_img2dataset(*arguments))
        finally:
            server.kill()
            server.wait()


def show(program: str, number: int, share_of_503: float, measure: dict[str, float], delivered: int) -> None:
    """One line of JSON."""
    line = {
        "program": program,
        "images": number,
        "share_of_503": share_of_503,
        "images_a_second": round(number / measure["seconds"], 1),
        "cpu_seconds_per_1000": round(measure["cpu_seconds"] / number * 1000, 2),
        "peak_mb": round(measure["peak_mb"]),
        "lost": number - delivered,
    }
    print(json.dumps(line), flush=True)


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
        for share in (0.0, SHARE_OF_503):
            compare(arguments.images, arguments.img2dataset, share)


if __name__ == "__main__":
    main()
