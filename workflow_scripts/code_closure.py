"""Digest of a step's program: its module and every module of this project that it imports, directly or not.

Only what the code means counts: comments, docstrings and layout do not. A rule has the digest as a parameter, so that
an edit reruns exactly the steps that use the code. So do edits of templates: the text files of a package (`_TEXTS`)
count wherever it is imported. The digest is that of the syntax tree in a notation of its own:
every Python from 3.11 on reads the same tree, while `ast.unparse` and `ast.dump` write it differently from version to
version.
"""

import ast
import gc
import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from workflow_scripts.errors import InputError

PACKAGE = "workflow_scripts"
_TEXTS = ("*.css", "*.html", "*.rst")
_DYNAMIC = ("import_module", "__import__")
_IMPORTING = {ast.Import, ast.ImportFrom, ast.Call}
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_digest(module: str, root: Path) -> str:
    """Hex digest (16 digits) of the import closure of `module` (`workflow_scripts.train`) in the checkout `root`.

    Raises
    ------
    InputError
        if a module of the closure is missing, is not valid Python or imports by a computed name.
    """
    lines = [f"{name} {_read(name, root)[0]}\n" for name in closure(module, root)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def closure(module: str, root: Path) -> list[str]:
    """Sorted names of the modules of this project that running `module` may import, itself among them."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _read(name, root)[1]
    return sorted(found)


def _file(name: str, root: Path) -> Path | None:
    base = root.joinpath(*name.split("."))
    return next((file for file in (base / "__init__.py", base.with_suffix(".py")) if file.is_file()), None)


@cache
def _read(name: str, root: Path) -> tuple[str, tuple[str, ...]]:
    """Digest of one module's meaning, and the modules of this project that it imports."""
    file = _file(name, root)
    if file is None:
        raise InputError(f"{root.joinpath(*name.split('.'))}.py: the module {name} is missing, expected its file here")
    source = file.read_bytes()
    # A tree has no cycles. To look for some while it grows takes longer than to make it.
    collects = gc.isenabled()
    gc.disable()
    try:
        tree = ast.parse(source, filename=str(file))
    except SyntaxError as error:
        raise InputError(f"{file}:{error.lineno}: not valid Python ({error.msg})") from None
    finally:
        if collects:
            gc.enable()
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    pieces: list[str] = []
    importing: list[ast.AST] = []
    _write_notation(tree, pieces.append, importing.append)
    imported = tuple(dict.fromkeys(_imports(importing, package, file, root)))
    digest = hashlib.sha256("".join(pieces).encode())
    if file.name == "__init__.py" and name != PACKAGE:
        for text in sorted(path for pattern in _TEXTS for path in file.parent.rglob(pattern)):
            digest.update(text.name.encode() + text.read_bytes())
    return digest.hexdigest(), imported


def _imports(importing: Iterable[ast.AST], package: str, file: Path, root: Path) -> Iterator[str]:
    """Modules of this project that a module imports, by its import statements and calls."""
    for node in importing:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_packages(alias.name)
        elif isinstance(node, ast.ImportFrom):
            origin = resolve_name("." * node.level + (node.module or ""), package)
            if origin == "importlib" and any(alias.name in _DYNAMIC for alias in node.names):
                _refuse(file, node.lineno)
            if origin.split(".")[0] == PACKAGE:
                yield from _with_packages(origin)
                # `from package import name`: the name may be a module or something that the package defines.
                for alias in node.names:
                    if _file(f"{origin}.{alias.name}", root):
                        yield f"{origin}.{alias.name}"
        elif isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in _DYNAMIC:
                _refuse(file, node.lineno)
    # Importing a module runs the __init__ of the packages that hold it.
    yield from _with_packages(package)


def _with_packages(name: str) -> Iterator[str]:
    """A dotted name and every package above it, when it is one of this project."""
    parts = name.split(".")
    if parts[0] == PACKAGE:
        for length in range(1, len(parts) + 1):
            yield ".".join(parts[:length])


def _refuse(file: Path, line: int) -> None:
    raise InputError(
        f"{file}:{line}: imports a module by a computed name, expected an import statement, so that the"
        " workflow knows what to rerun when code changes"
    )


def _write_notation(value: Any, write: Callable[[str], None], note: Callable[[ast.AST], None]) -> None:
    """A syntax tree without positions and docstrings, as text: `Name(id='x';ctx=Load();)`.

    Fields that are absent or empty are left out, because later versions of Python add some; their names keep the rest
    unambiguous. Pieces of an f-string are joined where one version of Python splits what another does not. The nodes
    that may import are noted in passing: every start of Snakemake reads all modules, and once each.
    """
    if isinstance(value, ast.AST):
        kind = type(value)
        write(f"{kind.__name__}(")
        if kind in _IMPORTING:
            note(value)
        held = value.__dict__
        documented = isinstance(value, _DOCUMENTED) and ast.get_docstring(value, clean=False) is not None
        for field in kind._fields:
            part = held.get(field)
            if part is None or part == []:
                continue
            if kind is ast.JoinedStr:
                part = _joined(part)
            elif field == "body" and documented:
                part = part[1:] or [ast.Pass()]
            write(f"{field}=")
            _write_notation(part, write, note)
            write(";")
        write(")")
    elif isinstance(value, list):
        write("[")
        for item in value:
            _write_notation(item, write, note)
            write(",")
        write("]")
    else:
        # Not `repr`, which escapes the characters that this Python's version of Unicode knows no glyph for.
        write(f"{type(value).__name__} {value!a}")


def _joined(pieces: list[ast.expr]) -> list[ast.expr]:
    """The pieces of an f-string with neighbouring texts as one, and without empty ones."""
    joined: list[ast.expr] = []
    for piece in pieces:
        if isinstance(piece, ast.Constant) and joined and isinstance(joined[-1], ast.Constant):
            joined[-1] = ast.Constant("".join(str(part.value) for part in (joined[-1], piece)))
        elif not (isinstance(piece, ast.Constant) and piece.value == ""):
            joined.append(piece)
    return joined
