"""The tree of the library: every package a floor that imports lower ones only, and nothing beside the packages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import onereel

PACKAGE = Path(onereel.__file__).parent
FLOORS = (
    "base", "video", "networks", "nnf", "weights", "scenes", "ingest", "training", "diffusion", "features",
    "backbones",
    "gan", "metrics", "methods", "standins", "heldout", "studies", "jobs", "project", "report", "api", "cli",
)  # fmt: skip # from the ground up


def imported(path: Path) -> Iterator[tuple[str, ...]]:
    """The modules of this package that a file imports, whole or names of, wherever in it the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module), level=0) if module.split(".")[0] == "onereel":
                parts = tuple(module.split(".")[1:])
                yield from [parts] if parts else [(alias.name,) for alias in node.names if alias.name != "__version__"]
            case ast.Import(names=names):
                yield from [tuple(alias.name.split(".")[1:]) for alias in names if alias.name.startswith("onereel.")]
            case ast.ImportFrom(level=level):
                assert level == 0, f"{path}: imports are absolute here"


def test_nothing_lies_beside_the_packages():
    beside = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    packages = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert not beside
    assert packages == set(FLOORS)


def test_every_package_imports_lower_ones_only():
    climbing = []
    for path in sorted(PACKAGE.rglob("*.py")):
        floor = path.relative_to(PACKAGE).parts[0]
        for parts in imported(path):
            target = parts[0]
            if path.parent == PACKAGE:
                assert target == "base", "`import onereel` must cost nothing"
            elif FLOORS.index(target) > FLOORS.index(floor):
                climbing.append(f"{path.relative_to(PACKAGE)} imports {'.'.join(parts)}")
    assert not climbing


def test_no_two_modules_import_each_other():
    modules = {path: path.relative_to(PACKAGE).with_suffix("").parts for path in PACKAGE.rglob("*.py")}
    known = {parts[:-1] if parts[-1] == "__init__" else parts: path for path, parts in modules.items()}
    del known[()]
    graph: dict[Path, set[Path]] = {}
    for path in known.values():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
        graph[path] = set()
        for node in top:
            parts = tuple(str(node.module).split(".")[1:])
            for alias in node.names:
                found = known.get((*parts, alias.name)) or known.get(parts)
                if found and found != path:
                    graph[path].add(found)
    pairs = {(one, other) for one, others in graph.items() for other in others if one in graph[other]}
    assert not pairs
