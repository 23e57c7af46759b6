"""Who may import whom, read from the source: steps use packages, packages never use steps, and so on."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from workflow_scripts.code_closure import closure, code_digest

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted((ROOT / "workflow_scripts").rglob("*.py"))
STEPS = [path for path in SOURCES if path.parent.name == "workflow_scripts" and "run_step(main" in path.read_text()]
TENSORFLOW = {"tensorflow", "keras"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(nodes: Iterator[ast.AST]) -> Iterator[str]:
    """Dotted names that import statements among `nodes` name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_anywhere(path: Path) -> set[str]:
    return set(imported(ast.walk(ast.parse(path.read_text()))))


def imports_at_module_level(path: Path) -> set[str]:
    return set(imported(iter(ast.parse(path.read_text()).body)))


def top(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def of_package(name: str) -> list[Path]:
    paths = [path for path in SOURCES if path.is_relative_to(ROOT / "workflow_scripts" / name)]
    assert paths, f"workflow_scripts/{name} has no modules"
    return paths


def test_there_are_steps():
    assert len(STEPS) >= 10


def test_no_dynamic_imports_anywhere():
    """`code_digest` refuses them; every module is tried."""
    for path in SOURCES:
        assert len(code_digest(module_name(path), ROOT)) == 16


def test_packages_never_import_steps():
    steps = {module_name(path) for path in STEPS}
    offenders = {
        relative(path): sorted(imports_anywhere(path) & steps)
        for path in SOURCES
        if path not in STEPS and imports_anywhere(path) & steps
    }
    assert offenders == {}


def test_a_package_imports_none_of_its_modules():
    # Whoever imports one of them would depend on all the others, and rerun with each.
    found = {relative(path): imports_anywhere(path) for path in SOURCES if path.name == "__init__.py"}
    assert len(found) > 20
    assert {name: names for name, names in found.items() if names} == {}


def test_steps_never_import_steps():
    steps = {module_name(path) for path in STEPS}
    assert {relative(path) for path in STEPS if imports_anywhere(path) & steps} == set()


def test_tensorflow_only_in_networks():
    inside = ROOT / "workflow_scripts" / "networks"
    offenders = [
        relative(path)
        for path in SOURCES
        if not path.is_relative_to(inside) and top(imports_at_module_level(path)) & TENSORFLOW
    ]
    assert offenders == []


@pytest.mark.parametrize("package", ["statistics", "sky"])
def test_numerical_packages_reach_neither_tensorflow_nor_figures(package):
    for path in of_package(package):
        reached = set()
        for module in closure(module_name(path), ROOT):
            base = ROOT.joinpath(*module.split("."))
            reached |= top(imports_anywhere(base / "__init__.py" if base.is_dir() else base.with_suffix(".py")))
        assert not reached & (TENSORFLOW | {"matplotlib", "snakemake"}), relative(path)


def test_statistics_do_no_file_access():
    reading = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "read_csv", "read_parquet", "read_table"}
    writing = {"to_csv", "to_parquet", "to_json", "savez", "savez_compressed", "save", "load", "loadtxt", "savetxt"}
    for path in of_package("statistics"):
        called = {
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
        }
        assert not called & (reading | writing), relative(path)


def test_no_pickle():
    assert [relative(path) for path in SOURCES if top(imports_anywhere(path)) & {"pickle", "dill", "joblib"}] == []


def test_no_drawer_for_odds_and_ends():
    vague = {"util", "utils", "helper", "helpers", "misc", "lib", "common"}
    assert [relative(path) for path in SOURCES if path.stem in vague or path.parent.name in vague] == []


def test_what_benchmarks_and_the_website_import_is_there():
    """Nothing else runs them all: a name that moved would be noticed only by who measures again."""
    for path in sorted([*(ROOT / "tests" / "benchmarks").glob("*.py"), *(ROOT / "website").glob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text())):
            package = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            if package.split(".")[0] not in ("workflow_scripts", "tests"):
                continue
            given = ROOT.joinpath(*package.split("."))
            source = given / "__init__.py" if given.is_dir() else given.with_suffix(".py")
            missing = {alias.name for alias in node.names} - names_of(source) - {one.stem for one in given.glob("*.py")}
            assert not missing, f"{relative(path)}: {package} has no {', '.join(sorted(missing))}"


def names_of(source: Path) -> set[str]:
    """What a module has at its top level."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found
