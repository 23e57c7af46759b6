"""Snakemakes at work on this machine."""

from pathlib import Path

import psutil


def snakemakes_in(folder: str | Path) -> list[int]:
    """Process numbers of Snakemakes whose working directory is `folder`; those of other users cannot be seen into.

    The Snakemakes inside jobs, which may run on this machine too, have been told a `--mode` and do not count.
    """
    wanted = Path(folder).resolve()
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            is_snakemake = any("snakemake" in Path(word).name for word in command[:3])
            if is_snakemake and "--mode" not in command and Path(process.cwd()) == wanted:
                found.append(process.pid)
        except (psutil.Error, OSError):
            # It ended meanwhile, or belongs to someone else.
            continue
    return found
