"""A step's digest changes with the code that the step can reach, and with nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workflow_scripts.code_closure import closure, code_digest
from workflow_scripts.errors import InputError

FILES = {
    "workflow_scripts/__init__.py": '"""Package."""\n',
    "workflow_scripts/step.py": "def run():\n    return 1\n",
    "workflow_scripts/train.py": (
        "import json\nfrom workflow_scripts import step\nfrom workflow_scripts.networks.models import build\n"
    ),
    "workflow_scripts/annotate.py": (
        "def main():\n    import workflow_scripts.sky.regions as regions\n    return regions\n"
    ),
    "workflow_scripts/other.py": "from workflow_scripts.step import run\n",
    "workflow_scripts/networks/__init__.py": "",
    "workflow_scripts/networks/models.py": (
        "from . import layers\nfrom ..sky import area\n\n\ndef build():\n    return layers, area\n"
    ),
    "workflow_scripts/networks/layers.py": '"""Layers."""\nWIDTH = 3  # pixels\n',
    "workflow_scripts/networks/templates/page.html": "<p>{{ width }}</p>",
    "workflow_scripts/sky/__init__.py": "from workflow_scripts.sky.regions import area\n",
    "workflow_scripts/sky/regions.py": "def area():\n    '''Square degrees.'''\n    return 41253\n",
}


def write(root: Path, changes: dict[str, str] | None = None) -> Path:
    for name, text in {**FILES, **(changes or {})}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_closure_follows_every_form_of_import(tmp_path):
    root = write(tmp_path)
    assert closure("workflow_scripts.train", root) == [
        "workflow_scripts",
        "workflow_scripts.networks",
        "workflow_scripts.networks.layers",
        "workflow_scripts.networks.models",
        "workflow_scripts.sky",
        "workflow_scripts.sky.regions",
        "workflow_scripts.step",
        "workflow_scripts.train",
    ]
    assert "workflow_scripts.sky.regions" in closure("workflow_scripts.annotate", root)
    assert closure("workflow_scripts.other", root) == [
        "workflow_scripts",
        "workflow_scripts.other",
        "workflow_scripts.step",
    ]


@pytest.mark.parametrize(
    ("name", "text", "changed"),
    [
        ("networks/layers.py", '"""Layers."""\nWIDTH = 4\n', {"train"}),
        ("networks/layers.py", '"""Other words."""\n\n# why three\nWIDTH = (3)\n', set()),
        ("sky/regions.py", "def area():\n    return 41253\n", set()),
        ("sky/regions.py", "def area():\n    return 41252.96\n", {"train", "annotate"}),
        ("sky/__init__.py", "from workflow_scripts.sky.regions import area\nUNIT = 'deg2'\n", {"train", "annotate"}),
        ("step.py", "def run():\n    return 2\n", {"train", "other"}),
        ("unused.py", "x = 1\n", set()),
        ("networks/templates/page.html", "<b>{{ width }}</b>", {"train"}),
        ("networks/templates/style.css", "b { color: red }", {"train"}),
        ("networks/costs.csv", "1,2", set()),
    ],
)
def test_an_edit_changes_the_digest_of_its_users_only(tmp_path, name, text, changed):
    before = write(tmp_path / "before")
    after = write(tmp_path / "after", {f"workflow_scripts/{name}": text})
    steps = ("train", "annotate", "other")
    digests = {step: [code_digest(f"workflow_scripts.{step}", root) for root in (before, after)] for step in steps}
    assert {step for step, (old, new) in digests.items() if old != new} == changed


@pytest.mark.parametrize(
    "line",
    [
        "import importlib\nimportlib.import_module('json')",
        "from importlib import import_module\nimport_module('json')",
        "__import__('json')",
    ],
)
def test_dynamic_imports_are_refused(tmp_path, line):
    root = write(tmp_path, {"workflow_scripts/step.py": f"def run():\n    pass\n\n\n{line}\n"})
    with pytest.raises(InputError, match=r"step\.py:\d+: imports a module by a computed name"):
        code_digest("workflow_scripts.train", root)


def test_reading_a_version_is_no_dynamic_import(tmp_path):
    root = write(tmp_path, {"workflow_scripts/step.py": "from importlib.metadata import version\nversion('x')\n"})
    assert len(code_digest("workflow_scripts.train", root)) == 16


def test_missing_and_broken_modules(tmp_path):
    root = write(tmp_path, {"workflow_scripts/step.py": "def run(:\n"})
    with pytest.raises(InputError, match=r"absent\.py: the module workflow_scripts\.absent is missing"):
        code_digest("workflow_scripts.absent", root)
    with pytest.raises(InputError, match=r"step\.py:1: not valid Python"):
        code_digest("workflow_scripts.train", root)


# Every version of Python that is allowed writes these differently with `ast.unparse` or splits them differently.
SAMPLE = """
'A module.'
import json  # why

def shown(x, *, width=10, **more):
    "What is shown."
    quoted = f"{x!r:>{width}} {more['a']} {{kept}} # no comment" f'{x=}' "" ("b"  # a comment
        'c')
    return [y for y in (quoted, r"\\d", b"\\x00", 1e-3, 10_000, -1j, ..., None, "\u0378") if y] + [lambda: (yield)]

async def other(x): ...
"""
PINNED = "4369675064a50be2"


def interpreter(version: str) -> str:
    """A Python of this version that starts, from PATH or pyenv; the test is skipped where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for found in (shutil.which(f"python{version}"), *pyenv.glob(f"{version}.*/bin/python")):
        if found and not subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode:
            return str(found)
    pytest.skip(f"Python {version} is not on this machine")


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_a_digest_is_the_same_on_every_python(tmp_path, repository, version):
    root = write(tmp_path, {"workflow_scripts/sample.py": SAMPLE})
    steps = sorted(path.stem for path in (repository / "workflow_scripts").glob("*.py"))
    # Only the standard library: another Python has nothing else.
    program = (
        "from pathlib import Path; from workflow_scripts.code_closure import code_digest;"
        f"print(code_digest('workflow_scripts.sample', Path({str(root)!r})),"
        f"*[code_digest('workflow_scripts.' + step, Path({str(repository)!r})) for step in {steps}])"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(repository), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        [interpreter(version), "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    pinned, *digests = result.stdout.split()
    assert pinned == PINNED
    assert digests == [code_digest(f"workflow_scripts.{step}", repository) for step in steps]


@pytest.mark.parametrize(
    ("written", "otherwise", "same"),
    [
        ("x = f(1, 2)", "x = f(\n    1,  # one\n\n    2,\n)", True),
        ("x = 'a#b'", 'x = "a#b"  # c', True),
        ("x = f'{y}#b'", "x = f'{y}#c'", False),
        ("x = 'ab'", "x = ('a'  # first\n 'b')", True),
        ("def f():\n    'x'\n    return 1", "def f():\n    return 1", True),
        ("def f():\n    return 'x'", "def f():\n    return 'y'", False),
        ("x = 1", "x = True", False),
        ("x = 1", "x = 1.0", False),
        ("x = 'a'", "x = b'a'", False),
        ("x = {**y}", "x = {None: y}", False),
        ("f(*x)", "f(x)", False),
        ("x = f'{y!r}'", "x = f'{y}'", False),
        ("x = f'{y:>3}'", "x = f'{y:>4}'", False),
        ("x = f'{y}'", "x = '{y}'", False),
        ("def f(a, /): ...", "def f(a): ...", False),
        ("if a:\n    b\nc", "if a:\n    b\n    c", False),
        ("def f(*, a=None): ...", "def f(*, a): ...", False),
        ("return_ = a - (b - c)", "return_ = a - b - c", False),
    ],
)
def test_what_means_the_same_has_the_same_digest(tmp_path, written, otherwise, same):
    roots = [
        write(tmp_path / name, {"workflow_scripts/step.py": f"{text}\n"})
        for name, text in (("one", written), ("two", otherwise))
    ]
    one, two = (code_digest("workflow_scripts.step", root) for root in roots)
    assert (one == two) is same


def test_configuration_imports_nothing_heavy(repository):
    """Every Snakemake process imports it, one for each job on a cluster."""
    heavy = ("numpy", "pandas", "astropy", "healpy", "tensorflow", "pyarrow", "matplotlib", "scipy")
    program = f"import sys, workflow_scripts.configuration; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout.strip() == "[]"
