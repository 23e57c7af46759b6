"""The page that tells people what an archive holds."""

from workflow_scripts.crates.crate_metadata import ArchivedRun
from workflow_scripts.crates.experiment_files import AUDIT, EXPERIMENT

_TEXT = """# skybias: {kind} {name}

{headline}

{made}

| path | what |
| --- | --- |
{results}| `configuration.yaml` | the configuration as it was given |
| `configuration_resolved.yaml` | the same with every default |
| `code/` | the workflow; `code/requirements.txt` pins what it needs |
| `CITATION.cff`, `LICENSE` | how to cite the workflow, and its licence |
| `ro-crate-metadata.json` | all this for programs (RO-Crate 1.1), with the SHA-256 digests of data and networks |

To run it again, in `code/`: `make run CONFIGFILE=../configuration.yaml`. Paths of files of the user's own are shortened
to their names, which the digests identify: write in where yours are. Data, images and networks are not part of this
archive.
{credits}"""
_RESULTS = {
    EXPERIMENT: """\
| `results/report/{name}/` | the page, and its figures |
| `results/bias/{name}/` | `summary.json` with the answers, and the tables behind it |
""",
    AUDIT: """\
| `results/audit/{name}/` | the page, its figures, `summary.json` with the answers, and the tables behind it |
""",
}


def read_me(run: ArchivedRun) -> str:
    """README.md of an archive."""
    credits = "".join(f"* {credit.sentence}\n" for credit in run.credits)
    shown = f"\nShow with figures and data made from the images, and cite:\n\n{credits}" if credits else ""
    results = _RESULTS[run.kind].format(name=run.name)
    named = {"kind": run.kind, "name": run.name, "headline": run.headline, "made": run.origin}
    return _TEXT.format(**named, results=results, credits=shown)
