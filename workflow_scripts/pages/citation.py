"""How to cite, from CITATION.cff at the root of the checkout, and where the documentation stands."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).resolve().parents[2] / "CITATION.cff"
_TYPES = {"software": "software", "article": "article"}
# The keys of CITATION.cff that BibTeX has, by its name for them.
_FIELDS = {
    "title": "title",
    "version": "version",
    "journal": "journal",
    "volume": "volume",
    "pages": "start",
    "year": "year",
    "url": "repository-code",
    "doi": "doi",
}


@cache
def citation() -> dict[str, Any]:
    """What CITATION.cff says of this program, and of the study whose experiment it runs (`references`)."""
    found: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return found


def cited_study() -> str:
    """The study as a reference in a sentence."""
    of = citation()["references"][0]
    names = " & ".join(author["family-names"] for author in of["authors"])
    return f"{names} ({of['year']}), {of['journal']} {of['volume']}, {of['start']} ({_eprint(of)})"


def cited_program(git: Mapping[str, Any]) -> str:
    """The program as a reference in a sentence; `git` is that of a provenance record."""
    of, known = citation(), ", ".join(part for part in (_year(git), _commit(git)) if part)
    return f"{_authors(of, ', ')}: skybias {of['version']}{f' ({known})' if known else ''}"


def bibtex(git: Mapping[str, Any]) -> str:
    """Both as BibTeX."""
    own, (paper, *_) = citation(), citation()["references"]
    note = {name: words for name, words in (("year", _year(git)), ("note", _commit(git))) if words}
    archive, _, number = _eprint(paper).partition(":")
    return (
        f"{_entry('skybias', own, note)}\n\n{_entry(_key(paper), paper, {'eprint': number, 'archivePrefix': archive})}"
    )


def how_to_cite(git: Mapping[str, Any], runs_experiment: bool, data: Sequence[str]) -> dict[str, Any]:
    """For the page: a sentence on program and study, `data` credits, and `bibtex`."""
    link = "the study whose experiment it runs" if runs_experiment else "the study whose question it asks"
    return {
        "sentence": f"{cited_program(git)}; and {link}: {cited_study()}.",
        "data": list(data),
        "bibtex": bibtex(git),
    }


def document(name: str) -> tuple[str, str]:
    """A document of docs/ in words, and its address in the repository that CITATION.cff names, empty without one."""
    repository = str(citation().get("repository-code") or "").rstrip("/")
    return f"docs/{name}.md", f"{repository}/blob/main/docs/{name}.md" if repository else ""


def _year(git: Mapping[str, Any]) -> str:
    return str(git.get("date") or "")[:4]


def _commit(git: Mapping[str, Any]) -> str:
    """The beginning of the commit, and whether what ran was more than it; empty where it is not known."""
    if not git.get("commit"):
        return ""
    return f"commit {git['commit'][:12]}{' with changes that are not committed' if git.get('dirty') else ''}"


def _entry(key: str, of: Mapping[str, Any], more: Mapping[str, str]) -> str:
    fields = {"author": _authors(of, " and ", braces=True)}
    fields |= {name: str(of[given]) for name, given in _FIELDS.items() if given in of} | dict(more)
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@{_TYPES[of['type']]}{{{key},\n{lines}}}"


def _authors(of: Mapping[str, Any], between: str, braces: bool = False) -> str:
    return between.join(
        f"{author['family-names']}, {author['given-names']}"
        if "family-names" in author
        else f"{{{author['name']}}}"
        if braces
        else author["name"]
        for author in of["authors"]
    )


def _key(of: Mapping[str, Any]) -> str:
    return f"{of['authors'][0]['family-names']}{of['year']}".lower()


def _eprint(of: Mapping[str, Any]) -> str:
    return next(one["value"] for one in of["identifiers"] if str(one["value"]).startswith("arXiv:"))
