"""Which file a name of the catalog means, where names are spelt in different ways.

A name that no file has exactly is compared with all files, by differences in a fixed order (`_DIFFERENCES`). It means
the file that agrees at the first of them, if that is one file. Only names of files that were listed are the result.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

_SHOWN_LENGTH = 100
_EXTENSIONS = {"jpg": "jpg", "jpeg": "jpg", "jpe": "jpg", "png": "png", "fits": "fits", "fit": "fits", "fts": "fits"}


def leads_out(name: str) -> bool:
    """Whether a name is none, or goes above the folder that it is read from."""
    return not name or "\0" in name or ".." in name.replace("\\", "/").split("/")


def is_plain_name(name: str) -> bool:
    """Whether a relative name stays below the folder that it is read from."""
    return not leads_out(name) and not name.startswith("/") and "\\" not in name


def shown_names(names: Iterable[str]) -> str:
    """Names in quotes, without what a terminal would obey."""
    return ", ".join(
        ascii(name[:_SHOWN_LENGTH]) if not name.isprintable() else f"'{name[:_SHOWN_LENGTH]}'" for name in names
    )


def _separators(name: str) -> str:
    """With slashes only, without those at the ends, `file://`, `.` and what `..` takes back."""
    kept: list[str] = []
    for part in name.removeprefix("file://").replace("\\", "/").split("/"):
        if part == "..":
            kept = kept[:-1]
        elif part not in ("", "."):
            kept.append(part)
    return "/".join(kept)


def _without_blanks(name: str) -> str:
    return "/".join(part.strip() for part in name.split("/"))


def _decoded(name: str) -> str:
    return _without_blanks(_separators(unicodedata.normalize("NFC", unquote(name)))) if "%" in name else name


def _with_plain_extension(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return f"{stem}.{_EXTENSIONS[extension.lower()]}" if dot and extension.lower() in _EXTENSIONS else name


def _as_it_is(name: str) -> str:
    return name


# What may differ, in this order: the words, and what takes the difference away. From `folder levels` on, one path may
# also be the end of the other; from `no extension` on, one of both may lack it.
_DIFFERENCES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("slashes, dots or file://", _separators),
    ("blanks", _without_blanks),
    ("the form of Unicode", lambda name: unicodedata.normalize("NFC", name)),
    ("percent-encoding", _decoded),
    ("the spelling of the extension", _with_plain_extension),
    ("folder levels", _as_it_is),
    ("no extension", _as_it_is),
    ("upper and lower case", str.casefold),
)
_LEVELS, _NO_EXTENSION = 5, 6


# Names in which only the extension and the case can differ, as nearly all: without `.` and `..` among the folders.
_PLAIN = re.compile(r"(?!\.{1,2}(?:/|$))[\w.-]+(?:/(?!\.{1,2}(?:/|$))[\w.-]+)*", re.ASCII)


def _key(name: str) -> str:
    """What is left of a name when all differences are taken away; '' for none."""
    if _PLAIN.fullmatch(name):
        return _stem(_with_plain_extension(name).lower())
    return _stem(_forms(name)[-1])


def _forms(name: str) -> list[str]:
    forms = []
    for _, change in _DIFFERENCES:
        name = change(name)
        forms.append(name)
    return forms


def _stem(form: str) -> str:
    stem, dot, extension = form.rpartition(".")
    return stem if dot and extension in _EXTENSIONS else form


def _is_end(one: str, other: str) -> bool:
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    return longer == shorter or longer.endswith("/" + shorter)


def _agree(one: str, other: str, level: int) -> bool:
    if level < _LEVELS:
        return one == other
    if level >= _NO_EXTENSION and (_stem(one) == one) != (_stem(other) == other):
        one, other = _stem(one), _stem(other)
    return _is_end(one, other)


def difference(one: str, other: str) -> tuple[int, int] | None:
    """The first level (place in the list of differences) at which two names agree, and by how many folders they differ.

    (-1, 0) for equal names; None where they are two files.
    """
    if one == other:
        return -1, 0
    for level, (form, other_form) in enumerate(zip(_forms(one), _forms(other), strict=True)):
        if form and other_form and _agree(form, other_form, level):
            return level, abs(form.count("/") - other_form.count("/"))
    return None


def words_of(level: int) -> str:
    """What differs between names that agree at this level."""
    return _DIFFERENCES[level][0]


@dataclass
class _Best:
    level: int
    distance: int
    file: str
    is_alone: bool = True


@dataclass
class NameMatcher:
    """Looks for names among the names of files, which pass by one after the other: memory grows with `names` alone."""

    names: Iterable[str]
    best: dict[str, _Best] = field(default_factory=dict, init=False)
    _whole: dict[str, list[str]] = field(default_factory=dict, init=False)
    _ends: dict[str, list[str]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Index the names by what is left of them after all differences, and by every end of that."""
        for name in self.names:
            key = _key(name)
            if key:
                self._whole.setdefault(key, []).append(name)
                for end in _ends(key):
                    self._ends.setdefault(end, []).append(name)

    def related(self, file: str) -> list[tuple[str, int, int]]:
        """Names that may mean a file, each with level and distance (`difference`)."""
        key = _key(file)
        names = [*self._ends.get(key, ()), *(name for end in _ends(key)[1:] for name in self._whole.get(end, ()))]
        found = ((name, difference(name, file)) for name in names)
        return [(name, *how) for name, how in found if how is not None]

    def see(self, file: str) -> bool:
        """Compare with a file; whether it is now the best one for a name."""
        is_best = False
        for name, level, distance in self.related(file):
            best = self.best.get(name)
            if best is None or level < best.level or file == best.file:
                self.best[name] = _Best(level, distance, file, best is None or level < best.level or best.is_alone)
                is_best = True
            elif level == best.level:
                best.is_alone = False
        return is_best


def _ends(key: str) -> list[str]:
    """A path and its shorter ends: a/b/c, b/c, c."""
    parts = key.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]
