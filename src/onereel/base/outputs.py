"""What a command may write over: only what onereel wrote itself, and never what the same command reads.

A file is ours where the manifest beside it says so: every JSON file of ours holds, under ``written``, what kind of
result it describes, the checksums of the files that belong to it, and one of itself. A file that was changed since is
replaced only when asked (``--overwrite``); somebody else's never. Decided before any work, here for every command and
for the workflow's plan, since Snakemake deletes a job's outputs before the job can look at them.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from onereel.base.errors import ConfigError, FileError
from onereel.base.files import check_target, json_text, read_json, sha256_of, write_json

Kind: TypeAlias = Literal["clip", "sample", "metrics", "sheet"]

_KEY = "written"
_LISTING = ".onereel.json"
_NOBODYS = frozenset({_LISTING, ".snakemake_timestamp", ".DS_Store", ".directory", "Thumbs.db", "desktop.ini"})
"""Files that programs leave in a folder by themselves: nobody loses them."""
_BEFORE: Mapping[Kind, tuple[frozenset[str], ...]] = {
    "clip": (frozenset({"name", "source", "size", "fps"}), frozenset({"name", "source", "caption", "attributes"})),
    "sample": (frozenset({"run", "method", "seed"}),),
    "metrics": (frozenset({"records", "summary"}),),
    "sheet": (),
}
"""Keys by which manifests are known that were written before they were signed; any of the sets."""


@dataclass(frozen=True)
class Result:
    """Files that are written together.

    Attributes:
        kind: what they are.
        folder: where they lie.
        name: what they are called; ``{name}.json`` is the manifest.
        suffixes: of the other files.
    """

    kind: Kind
    folder: Path
    name: str
    suffixes: tuple[str, ...] = (".mkv", ".mp4")

    @classmethod
    def metrics(cls, path: Path) -> "Result":
        """Of an evaluation, which is a manifest alone: ``path``, a .json file."""
        return cls("metrics", path.parent, path.stem, ())

    @property
    def manifest(self) -> Path:
        """The JSON file that describes the others."""
        return self.folder / f"{self.name}.json"

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, the manifest last."""
        return (*(self.folder / f"{self.name}{suffix}" for suffix in self.suffixes), self.manifest)


def write_result(result: Result, content: Mapping[str, Any], writers: Mapping[str, Callable[[Path], None]]) -> None:
    """Write all files of a result, or none. The manifest is put in place first: a kill before the others are leaves
    nothing that counts as somebody else's. A file of the result before, in a format that this one lacks, goes.

    Args:
        result: where, and what.
        content: of the manifest, as JSON can hold it.
        writers: by suffix, what writes a file to the path that it is given.

    Raises: FileError if they cannot be written.
    """
    before = _written(result)
    try:
        result.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".onereel-", dir=result.folder) as scratch:
            made = [Path(scratch) / path.name for path in result.paths]
            for suffix, path in zip(result.suffixes, made, strict=False):
                writers[suffix](path)
            write_json(made[-1], _signed(content, result, made[:-1]))
            for path in reversed(made):
                path.replace(result.folder / path.name)
        for path in _no_longer(result, before):  # beside the new files it would pass for theirs
            path.unlink(missing_ok=True)
    except FileError as error:  # names a file in the folder that is gone again
        raise FileError(result.paths[0], "cannot be written", error.error) from error
    except OSError as error:
        raise FileError(result.paths[0], "cannot be written", error) from error


def check_outputs(results: Iterable[Result], reads: Iterable[Path | str], *, overwrite: bool = False) -> None:
    """Refuse to write over what is not ours to replace.

    Args:
        results: what will be written.
        reads: files and folders that the same command reads; what does not exist is left out, as addresses and scenes.
        overwrite: also replace files of ours that somebody changed.

    Raises: ConfigError naming the file and what to do.
    """
    named = [Path(path) for path in reads]
    read, folders = _identities(named), {_identity(path) for path in named if _is_folder(path)}
    for result in results:
        for path in result.paths:
            check_target(path)
            if not os.path.lexists(path):
                continue
            if path.exists() and _identity(path) in read:
                raise ConfigError(f"'{path}'", "would be replaced, but this command reads it", "name another output")
        if result.suffixes and result.folder.is_dir() and _identity(result.folder) in folders:
            # Frames with a video beside them: which is meant, the next command could not tell.
            where = f"'{result.folder}'"
            raise ConfigError(where, "is a folder that this command reads, and would hold its output", "name another")
        _check_ours(result, overwrite)


def foreign(result: Result) -> Path | None:
    """The first file at a place of `result` that onereel did not write, whether or not it was changed since."""
    written = _written(result)
    for path in result.paths:
        if os.path.lexists(path) and path.name not in written:
            return path
    return None


def is_whole(result: Result) -> bool:
    """Whether all files of a result are there, and ours."""
    return all(path.exists() for path in result.paths) and foreign(result) is None


def list_folder(folder: Path) -> None:
    """Write down what a folder holds, so that what others put there later is known: see `stranger`."""
    write_json(folder / _LISTING, sorted(_names(folder)))


def check_folder(folder: Path) -> None:
    """Refuse to write a folder of ours anew while somebody's file lies in it.

    Raises: ConfigError naming the file.
    """
    if (path := stranger(folder)) is not None:
        raise ConfigError(f"'{path}'", f"would be deleted: '{folder}' is written anew", "move it away")


def stranger(folder: Path) -> Path | None:
    """A file in a folder of ours that was not there when we wrote it; None where nobody wrote down what was."""
    try:
        listed = set(read_json(folder / _LISTING))
    except (OSError, ValueError, TypeError):
        return None
    return next((folder / name for name in sorted(_names(folder)) if name not in listed), None)


def _names(folder: Path) -> set[str]:
    files = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return {str(path) for path in files if path.name not in _NOBODYS}


_ELSEWHERE = "name another output, or move that file away"


def check_unchanged(result: Result, remedy: str = "keep it elsewhere, or delete it to have it made anew") -> None:
    """Refuse to replace files of ours that somebody changed.

    Raises: ConfigError naming the first.
    """
    written = _written(result)
    for path in (*result.paths, *_no_longer(result, written)):
        if path.exists() and written.get(path.name) not in (None, _sum(path)):
            raise ConfigError(f"'{path}'", "was changed since onereel wrote it", remedy)


def _check_ours(result: Result, overwrite: bool) -> None:
    if (path := foreign(result)) is not None:
        raise ConfigError(f"'{path}'", f"is there, and is no {result.kind} that onereel wrote", _ELSEWHERE)
    if not overwrite:
        check_unchanged(result, "name another output, or say --overwrite to lose the change")


def _no_longer(result: Result, written: Iterable[str]) -> list[Path]:
    """Files that the manifest before vouches for, and that this result does not have."""
    named = {path.name for path in result.paths}
    # Only names that such a result can have: a manifest is a file that anybody can write.
    return [result.folder / name for name in written if name not in named and Path(name).stem == result.name]


def _written(result: Result) -> dict[str, str | None]:
    """The files that the manifest vouches for, by name, with their checksums; None where it holds none."""
    try:
        content = read_json(result.manifest)
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    match content.get(_KEY):
        case {"by": "onereel", "kind": result.kind, "name": result.name, "content": str(own), "files": dict(sums)}:
            return {**sums, result.manifest.name: own}
        case None if any(content.keys() >= keys for keys in _BEFORE[result.kind]):
            return dict.fromkeys(path.name for path in result.paths)
    return {}


def _signed(content: Mapping[str, Any], result: Result, files: Iterable[Path]) -> dict[str, Any]:
    """The content of a manifest with what makes it, and the files beside it, known as ours."""
    plain = {key: value for key, value in content.items() if key != _KEY}
    mark = {"by": "onereel", "kind": result.kind, "name": result.name, "content": _digest(plain)}
    return {**plain, _KEY: {**mark, "files": {path.name: sha256_of(path) for path in files}}}


def _sum(path: Path) -> str:
    if path.suffix != ".json":
        return sha256_of(path)
    return _digest({key: value for key, value in read_json(path).items() if key != _KEY})


def _digest(content: Mapping[str, Any]) -> str:
    as_read = json.loads(json_text(content))  # tuples are lists there, and NaN is null
    return hashlib.sha256(json.dumps(as_read, sort_keys=True).encode()).hexdigest()


def _identities(paths: Iterable[Path | str]) -> set[tuple[int, int]]:
    """What files are, whatever they are called; those in a folder, too."""
    found = set()
    for path in map(Path, paths):
        try:
            inside = list(path.iterdir()) if path.is_dir() else []
            found |= {_identity(file) for file in (path, *inside) if file.exists()}
        except (OSError, ValueError):  # an address, a scene, or a name that no file can have
            continue
    return found


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # an address, a scene, or a name that no file can have
        return False


def _identity(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino
