"""The RO-Crate of an archive: what it holds and what made it, as JSON-LD.

RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) by the profile Workflow Run Crate 0.5
(https://w3id.org/ro/wfrun/workflow/0.5): the run is one action, by the workflow, from the data to the results. Products
that the archive leaves out (networks, annotations) are named by their digests (RFC 6920) as results of that action.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from workflow_scripts.crates.experiment_files import RecordedFile
from workflow_scripts.surveys.credits import DataCredit

_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
_MEDIA_TYPES = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".npz": "application/zip",
    ".html": "text/html",
    ".png": "image/png",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".parquet": "application/vnd.apache.parquet",
    ".fits": "application/fits",
    ".hsp": "application/fits",
    ".yaml": "application/yaml",
    ".cff": "application/yaml",
    ".md": "text/markdown",
    # Snakefile, LICENSE
    "": "text/plain",
}
# The context of RO-Crate 1.1 is older than this term.
_TERMS = {"sha256": "http://schema.org/sha256"}


@dataclass(frozen=True)
class ArchivedRun:
    """What the metadata say of an experiment or audit (`kind`) beside the files of the archive.

    `citation` is the content of CITATION.cff, and `authors` of the results have keys as those in it; `commit` and
    `date` (`YYYY-MM-DD`) are those of the code, `dirty` whether it had changes that are not committed. `versions` are
    those of the summary, by package.
    """

    kind: str
    name: str
    headline: str
    simulated: bool
    citation: Mapping[str, Any]
    commit: str
    date: str
    dirty: bool
    versions: Mapping[str, str]
    recorded: Sequence[RecordedFile]
    credits: Sequence[DataCredit]
    authors: Sequence[Mapping[str, str]] = ()

    @property
    def origin(self) -> str:
        """What the results are of, and which code made them, in words."""
        sky = "The sky is simulated. " if self.simulated else ""
        changed = ", with changes that were not committed and are not in this archive" if self.dirty else ""
        return f"{sky}The results were made by the code at commit {self.commit}{changed}."


def crate_metadata(run: ArchivedRun, members: Mapping[str, bytes]) -> dict[str, Any]:
    """The content of `ro-crate-metadata.json` for an archive with `members`, by name; code is below `code/`."""
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms.update(_TERMS)
    crate.name = f"skybias: {run.kind} {run.name}"
    crate.description = f"{run.headline} {run.origin}"
    crate.datePublished = run.date
    crate.license = crate.add(_license(crate, run.citation["license"]))
    profiles = [
        crate.add(_entity(crate, "CreativeWork", uri, name=name, version=version))
        for uri, (name, version) in _PROFILES.items()
    ]
    workflow = crate.add_workflow(
        dest_path="code/Snakefile",
        main=True,
        lang="snakemake",
        lang_version=run.versions.get("snakemake"),
        properties={**_of_file("code/Snakefile", members), "name": "skybias", "license": crate.license},
    )
    crate.root_dataset["conformsTo"] = profiles
    code = crate.add_dataset(dest_path="code/", properties={"name": "skybias", "description": run.origin})
    workflow["version"] = code["version"] = f"{run.citation['version']}+{run.commit[:12]}"
    workflow["author"] = code["author"] = _authors(crate, run.citation["authors"], "#author-of-code")
    crate.root_dataset["author"] = _authors(crate, run.authors, "#author")
    workflow["softwareRequirements"] = [
        crate.add(_entity(crate, "SoftwareApplication", f"#{name}", name=name, softwareVersion=version))
        for name, version in sorted(run.versions.items())
    ]
    files = {
        name: crate.add_file(dest_path=name, properties=_of_file(name, members))
        for name in sorted(members)
        if not name.startswith("code/")
    }
    used, made = (_recorded(crate, [file for file in run.recorded if file.made is kind]) for kind in (False, True))
    configuration = [file for name, file in files.items() if name.startswith("configuration")]
    results = [file for name, file in files.items() if name.startswith("results/")]
    action = crate.add(_entity(crate, "CreateAction", "#run", name=f"The run of {run.kind} {run.name}"))
    # Results record neither the time of day nor whose machine it was.
    action["description"] = "From the data to the results, by the configuration."
    action["instrument"] = workflow
    action["object"] = [*configuration, *used]
    action["result"] = [*results, *made]
    crate.root_dataset["mentions"] = [action, *(crate.add(_credit(crate, credit)) for credit in run.credits)]
    crate.root_dataset["citation"] = [crate.add(_article(crate, entry)) for entry in run.citation.get("references", [])]
    if "README.md" in files:
        files["README.md"]["about"] = crate.root_dataset
    metadata = crate.metadata.generate()
    return {**metadata, "@graph": [_compact(entity) for entity in metadata["@graph"]]}


def _compact(entity: Mapping[str, Any]) -> dict[str, Any]:
    """An entity as the specification wants it: one value is no list, and no value is left out."""
    single = {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in entity.items()}
    return {key: value for key, value in single.items() if value != []}


def _entity(crate: ROCrate, kind: str, identifier: str, **properties: Any) -> ContextEntity:
    return ContextEntity(crate, identifier, properties={"@type": kind, **properties})


def _of_file(name: str, members: Mapping[str, bytes]) -> dict[str, Any]:
    path, content = PurePosixPath(name), members[name]
    found = {"name": path.name, "contentSize": str(len(content)), "sha256": hashlib.sha256(content).hexdigest()}
    return {**found, "encodingFormat": _MEDIA_TYPES[path.suffix]}


def _license(crate: ROCrate, spdx: str) -> ContextEntity:
    return _entity(crate, "CreativeWork", f"https://spdx.org/licenses/{spdx}", name=spdx)


def _authors(crate: ROCrate, authors: Sequence[Mapping[str, str]], named: str) -> list[ContextEntity]:
    """Authors in the form of CITATION.cff, as persons where they have family names, else as organizations."""
    found = []
    for number, author in enumerate(authors):
        identifier = author.get("orcid") or f"{named}-{number}"
        if "family-names" in author:
            names = {"givenName": author.get("given-names"), "familyName": author["family-names"]}
            full = " ".join(filter(None, names.values()))
            found.append(_entity(crate, "Person", identifier, name=full, **{k: v for k, v in names.items() if v}))
        else:
            found.append(_entity(crate, "Organization", identifier, name=author["name"]))
    return [crate.add(author) for author in found]


def _article(crate: ROCrate, entry: Mapping[str, Any]) -> ContextEntity:
    names = [f"{author['family-names']}, {author['given-names']}" for author in entry["authors"]]
    place = ", ".join(str(entry[key]) for key in ("journal", "volume", "start", "year") if key in entry)
    known = [str(found["value"]) for found in entry.get("identifiers", [])]
    arxiv = [value.removeprefix("arXiv:") for value in known if value.startswith("arXiv:")]
    identifier = f"https://arxiv.org/abs/{arxiv[0]}" if arxiv else f"#{entry['title']}"
    words = f"{'; '.join(names)} ({place})"
    return _entity(crate, "ScholarlyArticle", identifier, name=entry["title"], description=words)


def _credit(crate: ROCrate, credit: DataCredit) -> ContextEntity:
    identifier = f"#credit-{credit.data.replace(' ', '-')}"
    return _entity(crate, "CreativeWork", identifier, name=credit.data, description=credit.sentence, url=credit.page)


def _recorded(crate: ROCrate, files: Sequence[RecordedFile]) -> list[ContextEntity]:
    """An entity a digest; files with the same bytes share one."""
    names: dict[str, list[str]] = {}
    for file in files:
        names.setdefault(file.sha256, []).append(file.name)
    found = []
    for digest, same in names.items():
        named = base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")
        entity = _entity(crate, "CreativeWork", f"ni:///sha-256;{named}", name=", ".join(same), sha256=digest)
        found.append(crate.add(entity))
    return found
