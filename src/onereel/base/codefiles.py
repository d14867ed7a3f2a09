"""Which files of this package a workflow rule depends on, so that an edit reruns what it can change and no more.

Snakemake watches the script of a rule, not the modules that the script imports. One stamp stands for them all: of
dozens of inputs a job, Snakemake would look at each for every job.
"""

import ast
import hashlib
import os
import time
from functools import cache
from pathlib import Path

from onereel.base.files import sha256_once, write_text

_PACKAGE = Path(__file__).parents[1]

PLUMBING = ("base", "cli", "jobs.sampling", "project.config", "project.runs", "training.curves")
"""Packages and modules that carry results but cannot change them, and the interface `methods.base`, leave results
current."""
_INTERFACE = frozenset({"methods", "methods.base"})


@cache
def code_files(*modules: str) -> tuple[str, ...]:
    """Files of `modules` and of all they import from this package, sorted, relative to the working directory.

    Args:
        modules: dotted names below ``onereel``: ``"video.clip"``, ``"methods.vgpnn"``. A package stands for all its
            files.

    Raises: ValueError if there is no such module.
    """
    found: set[Path] = set()
    queue = [path for module in modules for path in _files(module)]
    while queue:
        path = queue.pop()
        if path in found:
            continue
        found.add(path)
        queue += [other for name in _imports(path) for other in _resolve(name)]
    return tuple(sorted(os.path.relpath(path) for path in found))


@cache
def code_digest(*modules: str) -> str:
    """What `code_files` of these modules say, as a hash; comments, docstrings and layout do not count."""
    digest = hashlib.sha256()
    for path in map(Path, code_files(*modules)):
        content = path.read_bytes()
        digest.update(_statements(content).encode() if path.suffix == ".py" else content)
    return digest.hexdigest()


def write_stamp(stamp: Path, *modules: str) -> None:
    """Say in a file what the files of `code_files` hold: byte for byte, wherever the package lies.

    Its date is that of the newest of them, so that it tells as much as they do where nothing is known of older
    contents; that of the change, where one is found or left out that is no newer than the rest.

    Raises: ValueError as `code_files`; FileError if it cannot be written.
    """
    files = code_files(*modules)
    text = "".join(f"{sha256_once(file)}  {os.path.relpath(file, _PACKAGE)}\n" for file in files)
    dates = [Path(file).stat().st_mtime_ns for file in files]
    known = stamp.read_text(encoding="utf-8") if stamp.is_file() else None
    if known is not None:
        dates.append(stamp.stat().st_mtime_ns if known == text else time.time_ns())
    if known != text:
        write_text(stamp, text)
    if stamp.stat().st_mtime_ns != max(dates):
        os.utime(stamp, ns=(max(dates), max(dates)))


def _statements(content: bytes) -> str:
    tree = ast.parse(content)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # A string alone is a docstring, of a field, too; `pass` keeps a body from being empty.
            node.body = [item for item in node.body if not _is_docstring(item)] or [ast.Pass()]
    return ast.dump(tree)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _files(module: str) -> list[Path]:
    path = _PACKAGE.joinpath(*module.split("."))
    if path.is_dir():
        return sorted(item for item in path.rglob("*") if item.is_file() and "__pycache__" not in item.parts)
    if path.with_suffix(".py").is_file():
        return [path.with_suffix(".py")]
    raise ValueError(f"onereel.{module} is no module")


def _resolve(name: str) -> list[Path]:
    """Files behind one imported name; nothing for other packages, plumbing, and names that are no modules."""
    parts = name.split(".")
    if parts[0] != "onereel" or len(parts) == 1:
        return []
    module = ".".join(parts[1:])
    if module in _INTERFACE or any(f"{module}.".startswith(f"{plumbing}.") for plumbing in PLUMBING):
        return []
    path = _PACKAGE.joinpath(*parts[1:])
    if path.is_dir():
        return [path / "__init__.py"]
    return [path.with_suffix(".py")] if path.with_suffix(".py").is_file() else []


def _is_module(name: str) -> bool:
    path = _PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


@cache
def _imports(path: Path) -> list[str]:
    if path.suffix != ".py":
        return []
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            # `from package import module` needs the module, and the package itself no more than any import of it does.
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names += [name if _is_module(name) else node.module for name in inner]
    return names
