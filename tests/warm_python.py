"""Snakemake from a process that has its libraries loaded: half the time of a start goes to them.

`run_module` starts that process once in each process of tests. For each command it forks, and the copy runs
`python -m MODULE` in a folder and an environment of its own. Nothing of this project is loaded before: a test may have
edited it.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import snakemake.cli

# What the rules import, and what that imports.
LOADED = ("snakemake.cli", "snakemake.persistence.file", "snakemake.scheduling.job_scheduler", "snakemake.dag", "yaml")
LOADED += ("pandas", "pyarrow.parquet", "scipy.special", "mocpy", "astropy.io.fits", "astropy_healpix", "jsonschema")
LONGEST_SECONDS = 900


def run_module(
    module: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """`python -m MODULE` with these arguments, in a folder; stdout and stderr are captured."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        descriptors = [f"/proc/{os.getpid()}/fd/{stream.fileno()}" for stream in (out, err)]
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        request = [module, list(arguments), str(folder), dict(environment), descriptors]
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        assert answer, "the process with the libraries has ended"
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess([module, *arguments], int(answer), out.read(), err.read())


@cache
def _server() -> subprocess.Popen[str]:
    # One thread: a fork has no other.
    environment = os.environ | {"PYTHONPATH": "", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    server = subprocess.Popen(
        [sys.executable, __file__], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    server.kill()
    server.wait()


def _serve() -> None:
    """Fork for each line of stdin, and write the exit status of what ran to stdout."""
    for name in LOADED:
        importlib.import_module(name)
    # Also the plugins.
    snakemake.cli.get_argument_parser()
    gc.freeze()
    while line := sys.stdin.readline():
        child = os.fork()
        if not child:
            _become(*json.loads(line))
            return
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(module: str, arguments: list[str], folder: str, environment: dict[str, str], streams: list[str]) -> None:
    """Run a module in this process, as if it had just been started."""
    for descriptor, stream in enumerate(streams, 1):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_APPEND), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    signal.alarm(LONGEST_SECONDS)
    sys.path[0] = folder
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve()
