"""A copy of the checkout that a test may edit, and what Snakemake would run in it."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import yaml

from tests.warm_python import run_module

COPIED = ("CITATION.cff", "Snakefile", "config.yaml", "rules", "workflow_scripts", "envs", "profiles", "experiments")


def heed_interrupts() -> None:
    """For `preexec_fn`: what a shell starts in the background ignores SIGINT, and so would all below it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class WorkflowCopy:
    """A workflow checkout and a separate analysis folder in which it has run once."""

    def __init__(self, repository: Path, folder: Path):
        self.root = folder / "checkout"
        self.analysis = folder / "analysis"
        self.analysis.mkdir(parents=True)
        self.cores = 2
        self.environment = os.environ | {"PYTHONPATH": ""}
        self.root.mkdir()
        for name in COPIED:
            source = repository / name
            if source.is_dir():
                shutil.copytree(source, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, self.root / name)

    def write_config(self, config: dict) -> None:
        """Write the experiment file that overlays the defaults."""
        (self.analysis / "experiment.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    def read_config(self) -> dict:
        """The experiment file as it stands."""
        return yaml.safe_load((self.analysis / "experiment.yaml").read_text(encoding="utf-8"))

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run Snakemake in the analysis folder, as `command` would; stdout and stderr are captured."""
        result = run_module("snakemake", self.command(*arguments)[3:], self.root, self.environment)
        if check and result.returncode:
            raise AssertionError(f"snakemake failed:\n{result.stdout[-3000:]}\n{result.stderr[-6000:]}")
        return result

    def command(self, *arguments: str) -> list[str]:
        """The command line of `snakemake` with further arguments."""
        command = [sys.executable, "-m", "snakemake", "-s", str(self.root / "Snakefile")]
        command += ["--directory", str(self.analysis), "--configfile", str(self.analysis / "experiment.yaml")]
        return [*command, "--cores", str(self.cores), *arguments]

    def would_run(self) -> set[tuple[str, str]]:
        """(rule, output) of every output that Snakemake would make or remake now."""
        lines = self.snakemake("--summary").stdout.splitlines()
        header = lines.index(next(line for line in lines if line.startswith("output_file\t")))
        columns = lines[header].split("\t")
        rows = [dict(zip(columns, line.split("\t"), strict=True)) for line in lines[header + 1 :] if line]
        return {(row["rule"], row["output_file"]) for row in rows if row["plan"] != "no update"}
