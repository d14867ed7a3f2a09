"""Trained weights: what may be downloaded, whether it is what it should be, and what stands in for it elsewhere.

``config/weights.yaml`` lists the models that measure, ``config/backbones.yaml`` those that generate: where their files
are, their checksums, licence and preprocessing.
`Weights.fetch` downloads a model, checks it, keeps only its tensors (and plain texts, as a tokenizer's words) with a
record of where they came from. `Weights.resolve` answers "which weights for this role": the real ones where they are,
else a stand-in, which is named as such wherever a value made with it is printed.
"""

import hashlib
import importlib.util
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, TypeAdapter

from onereel.base.errors import WeightsError
from onereel.base.files import atomic_path, read_json, sha256_of, sha256_once, write_json
from onereel.base.names import did_you_mean
from onereel.base.paths import config_folder
from onereel.base.progress import Progress, no_progress
from onereel.base.tensorfiles import first_line
from onereel.weights.checkpoints import Tensors, read_tensors
from onereel.weights.download import check_file, convert, download, from_hub
from onereel.weights.entries import (
    MODES,
    RECORD,
    Mode,
    RealEntry,
    StandInEntry,
    WeightsFile,
    licence_note,
    read_entries,
)

log = logging.getLogger(__name__)

_SHA256 = r"^[0-9a-f]{64}$"


class _Fetched(BaseModel):
    """What a record says of a part."""

    source_sha256: Annotated[str, Field(pattern=_SHA256)]
    sha256: Annotated[str, Field(pattern=_SHA256)]


_PARTS = TypeAdapter(dict[str, _Fetched])


@dataclass(frozen=True)
class Resolved:
    """Weights to use.

    Attributes:
        name: the entry's name.
        role: what they are for.
        title: as printed: ``"C3D Sports-1M"``, ``"random C3D seed 0"``.
        label: short form for a column head: ``"random C3D"``.
        sha256: of the published file, or of the stand-in; of several, of their checksums; 64 hex digits; empty where
            there are no weights.
        stand_in: whether they stand in for the real ones.
        parts: files with their sha256 by part; empty for seeded weights.
        seed: seed of random weights, else None.
        library: ``package.function`` that does the work without weights, else empty.
        entry: what the list says of them; None where no list does.
    """

    name: str
    role: str
    title: str
    label: str
    sha256: str
    stand_in: bool
    parts: Mapping[str, tuple[Path, str]]
    seed: int | None = None
    library: str = ""
    entry: RealEntry | StandInEntry | None = None

    @property
    def printed(self) -> str:
        """Title and the first 12 digits of the checksum where there is one, as records hold it."""
        return f"{self.title} {self.sha256[:12]}".rstrip()

    def path(self, part: str = "model") -> Path:
        """The file of one part, checked; a process reads it once for that.

        Raises: WeightsError if there is no such part, or the file is gone or is not what was fetched.
        """
        where = f"weights '{self.name}'"
        if part not in self.parts:
            raise WeightsError(where, f"no part '{part}'", f"the parts are {', '.join(self.parts) or 'none'}")
        path, expected = self.parts[part]
        remedy = "restore the file" if self.stand_in else f"run: onereel weights fetch {self.name}"
        if not path.is_file() or sha256_once(path) != expected:
            raise WeightsError(where, f"'{path.name}' is missing or has changed", remedy)
        return path

    def tensors(self, part: str = "model") -> Tensors:
        """The tensors of one part.

        Raises: WeightsError as `path`.
        """
        path = self.path(part)
        return read_tensors(path, "safetensors" if path.suffix == ".safetensors" else "torch")

    def subfolder(self, name: str) -> Path:
        """A folder of the model's files as libraries load it (``unet``, ``tokenizer``; empty: the model's own), all of
        them checked.

        Raises: WeightsError as `path`, or if there is no such folder.
        """
        held = [part for part, (path, _) in self.parts.items() if path.parent.name == (name or self.name)]
        if not held:
            raise WeightsError(f"weights '{self.name}'", f"no folder '{name}'", "correct config/backbones.yaml")
        folders = {self.path(part).parent for part in held}
        return folders.pop()


@dataclass(frozen=True)
class Status:
    """One line of `Weights.list_weights`.

    Attributes:
        name, kind, role, title, licence, used_by: as in the sheet.
        size: bytes to download where all are known, else None.
        present: whether the weights can be used now.
        note: what a user has to know: a licence that forbids commercial use, a checksum that nobody published.
    """

    name: str
    kind: str
    role: str
    title: str
    licence: str
    used_by: tuple[str, ...]
    size: int | None
    present: bool
    note: str


@dataclass(frozen=True)
class Check:
    """One line of `Weights.verify`: ``state`` is ``ok``, ``missing`` or ``damaged``; ``detail`` says what was found."""

    name: str
    part: str
    state: Literal["ok", "missing", "damaged"]
    detail: str


def fingerprint(tensors: Mapping[str, Any]) -> str:
    """Hex sha256 of names, shapes and values of tensors in sorted order, the same on every machine."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


class Weights:
    """The store of weights.

    Args:
        config: the sheet; by default ``config/weights.yaml`` here, or else the one beside this package's source. A
            ``backbones.yaml`` beside it is read, too.
        folder: where fetched weights are; by default ``data/weights`` in the project that the sheet belongs to.

    Raises: ConfigError if the sheet is missing or does not fit its schema.
    """

    def __init__(self, config: Path | str | None = None, folder: Path | str | None = None) -> None:
        self.config = Path(config) if config else _default_config()
        self.project = self.config.parent.parent
        self.folder = Path(folder) if folder else self.project / "data" / "weights"
        backbones = self.config.with_name("backbones.yaml")
        self.entries = read_entries(self.config, backbones if backbones.is_file() else None)

    def list_weights(self) -> list[Status]:
        """Every entry and whether it is here."""
        return [self._status(name, entry) for name, entry in self.entries.items()]

    def fetch(
        self,
        name: str,
        *,
        local: Mapping[str, Path] | Path | None = None,
        again: bool = False,
        progress: Progress = no_progress,
    ) -> Path:
        """Download an entry, check it, keep its tensors; nothing is left behind when that fails.

        Args:
            name: the entry.
            local: files that were downloaded by other means, by part (one path for a one-file entry), or a folder with
                all of them, named as at their addresses or as they are kept; checked alike.
            again: fetch even if the weights are here already.
            progress: watches the download in MiB.

        Returns: the entry's folder.
        Raises: WeightsError for an unknown name, a failed download, a wrong size or checksum, or a file that asks for
            code to be run.
        """
        entry = self._real(name)
        if note := licence_note(entry):
            log.warning("%s: %s", name, note)
        target = self.folder / name
        if not again and all(check.state == "ok" for check in self.verify(name)):
            return target
        sources = _sources(name, entry, local)
        known = self._record(name)
        commit = self._commit(name, entry)
        parts: dict[str, dict[str, Any]] = {}
        for part, file in entry.files.items():
            expected = file.sha256 or known.get(part, {}).get("source_sha256", "")
            parts[part], commit = self._fetch_part(name, entry, part, expected, sources.get(part), commit, progress)
        about = {"repository": entry.repository, "revision": commit} if entry.repository else {}
        write_json(target / RECORD, {"name": name, "licence": entry.licence, **about, "parts": parts})
        return target

    def verify(self, name: str = "all") -> list[Check]:
        """Compare what is here with what was fetched and with the sheet.

        Raises: WeightsError for an unknown name.
        """
        if name == "all":
            names = [key for key, entry in self.entries.items() if isinstance(entry, RealEntry)]
            return [check for key in names for check in self.verify(key)]
        return [self._check(name, part, file) for part, file in self._real(name).files.items()]

    def resolve(self, name: str, mode: Mode = "auto") -> Resolved:
        """Which weights to use.

        Args:
            name: a role (the first published model of that role that is here wins, then the first stand-in) or one
                entry; a published model that is not here is replaced by what stands in for it by name.
            mode: ``auto``, ``real`` or ``stand-in``.

        Raises: WeightsError for an unknown name or mode, a package that is not installed, and where ``real`` weights
            are not here, or nothing stands in for them: it says which command fetches them.
        """
        if mode not in MODES:
            raise WeightsError(f"weights mode '{mode}'", "no such mode", f"use {', '.join(MODES)}")
        candidates = self._candidates(name)
        real = [key for key, entry in candidates.items() if isinstance(entry, RealEntry)]
        if mode != "stand-in":
            for key in real:
                if self._fetched(key):
                    return self._resolve_real(key)
        if mode == "real" and real:
            raise WeightsError(
                f"real weights for '{name}'", f"not in '{self.folder}'", f"run: onereel weights fetch {real[0]}"
            )
        for key, entry in candidates.items():
            if isinstance(entry, StandInEntry) and mode != "real" and _installed(entry):
                return self._resolve_stand_in(key, entry)
        for key, entry in candidates.items():
            if isinstance(entry, StandInEntry) and not _installed(entry):
                problem = f"the package {entry.package.partition('/')[0]} is not installed"
                raise WeightsError(f"weights '{key}'", problem, "install requirements.txt")
        if real:
            problem = f"not in '{self.folder}', and nothing stands in for it"
            raise WeightsError(f"weights for '{name}'", problem, f"run: onereel weights fetch {real[0]}")
        raise WeightsError(f"weights for '{name}'", f"nothing fits mode '{mode}'", "use 'weights: auto'")

    def _candidates(self, name: str) -> dict[str, RealEntry | StandInEntry]:
        if name in self.entries:
            return {name: self.entries[name], **self._replacements(name)}
        found = {key: entry for key, entry in self.entries.items() if entry.plays(name)}
        if not found:
            roles = {role for entry in self.entries.values() for role in (entry.role, *entry.roles)}
            raise self._unknown(name, [*self.entries, *sorted(roles)])
        # What stands in for one published model is the second choice for a role that others play, too.
        return dict(sorted(found.items(), key=lambda item: bool(getattr(item[1], "stands_in_for", ()))))

    def _replacements(self, name: str) -> dict[str, StandInEntry]:
        """What stands in for one published model by name."""
        stand_ins = {key: entry for key, entry in self.entries.items() if isinstance(entry, StandInEntry)}
        return {key: entry for key, entry in stand_ins.items() if name in entry.stands_in_for}

    def _real(self, name: str) -> RealEntry:
        entry = self.entries.get(name)
        if isinstance(entry, RealEntry):
            return entry
        if entry is not None:
            raise WeightsError(f"weights '{name}'", "is a stand-in and needs no download", "use it as it is")
        raise self._unknown(name, [key for key, item in self.entries.items() if isinstance(item, RealEntry)])

    def _unknown(self, name: str, known: Sequence[str]) -> WeightsError:
        return WeightsError(f"weights '{name}'", f"not in {self.config}", did_you_mean(name, known))

    def _record(self, name: str) -> dict[str, Any]:
        path = self.folder / name / RECORD
        if not path.is_file():
            return {}
        try:
            parts: dict[str, Any] = read_json(path)["parts"]
            _PARTS.validate_python(parts)
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            remedy = f"delete '{path}' and run: onereel weights fetch {name}"
            raise WeightsError(f"weights '{name}'", f"the record is damaged ({first_line(error)})", remedy) from None
        return parts

    def _commit(self, name: str, entry: RealEntry) -> str:
        """What to fetch of a repository: where the list names a branch, the commit that was fetched before."""
        path = self.folder / name / RECORD
        recorded = read_json(path).get("revision", "") if self._record(name) else ""
        is_branch = not re.fullmatch("[0-9a-f]{40}", entry.revision)
        return str(recorded) if recorded and is_branch else entry.revision

    def _resolve_real(self, name: str) -> Resolved:
        entry = self._real(name)
        record = self._record(name)
        if missing := sorted(set(entry.files) - set(record)):
            remedy = f"run: onereel weights fetch {name}"
            raise WeightsError(f"weights '{name}'", f"part '{missing[0]}' is missing", remedy)
        parts = {part: (self._path(name, part), str(record[part]["sha256"])) for part in entry.files}
        sources = [str(record[part]["source_sha256"]) for part in entry.files]
        return Resolved(name, entry.role, entry.title, entry.title, joined(sources), False, parts, entry=entry)

    def _resolve_stand_in(self, name: str, entry: StandInEntry) -> Resolved:
        if entry.library:
            library = entry.library
            return Resolved(name, entry.role, entry.title, entry.title, "", True, {}, library=library, entry=entry)
        if entry.seed is not None:
            title = f"{entry.title} seed {entry.seed}"
            return Resolved(name, entry.role, title, entry.title, entry.sha256, True, {}, entry.seed, entry=entry)
        if path := packaged(entry):
            held = {"model": (path, entry.sha256)}
            return Resolved(name, entry.role, entry.title, entry.title, entry.sha256, True, held, entry=entry)
        parts = {part: (self.project / held.file, held.sha256) for part, held in entry.parts.items()}
        sha = joined([held.sha256 for held in entry.parts.values()])
        return Resolved(name, entry.role, entry.title, entry.title, sha, True, parts, entry=entry)

    def _path(self, name: str, part: str) -> Path:
        return self.folder / name / self._real(name).kept(part)

    def _fetched(self, name: str) -> bool:
        """Whether an entry was fetched: its record is written last."""
        return (self.folder / name / RECORD).is_file()

    def _status(self, name: str, entry: RealEntry | StandInEntry) -> Status:
        if isinstance(entry, StandInEntry):
            present = _installed(entry) and all((self.project / held.file).is_file() for held in entry.parts.values())
            note = "stands in where nothing can be downloaded; values do not compare with papers"
            return Status(name, entry.kind, entry.role, entry.title, entry.licence, entry.used_by, None, present, note)
        sizes = [file.size for file in entry.files.values()]
        size = sum(size for size in sizes if size) if all(sizes) else None
        present = self._fetched(name) and all(self._path(name, part).is_file() for part in entry.files)
        return Status(
            name, entry.kind, entry.role, entry.title, entry.licence, entry.used_by, size, present, licence_note(entry)
        )

    def _check(self, name: str, part: str, file: WeightsFile) -> Check:
        path, record = self._path(name, part), self._record(name).get(part)
        if record is None or not path.is_file():
            return Check(name, part, "missing", f"run: onereel weights fetch {name}")
        source = str(record["source_sha256"])
        if not source.startswith(file.sha256):
            return Check(name, part, "damaged", f"fetched from a file {source[:12]}, the sheet says {file.sha256[:12]}")
        found = sha256_of(path)
        if found != record["sha256"]:
            return Check(name, part, "damaged", f"is {found[:12]}, was {record['sha256'][:12]} when fetched")
        return Check(name, part, "ok", source[:12])

    def _fetch_part(
        self,
        name: str,
        entry: RealEntry,
        part: str,
        expected: str,
        local: Path | None,
        revision: str,
        progress: Progress,
    ) -> tuple[dict[str, Any], str]:
        """Download (or take) one file, check it, convert it; the entry of its record, and the commit that it is of."""
        file = entry.files[part]
        where = f"weights '{name}'" if part == "model" else f"weights '{name}', part '{part}'"
        target = self._path(name, part)
        with atomic_path(target) as converted:
            downloaded = converted.with_name(f"{converted.name}.download")
            try:
                source, from_cache = local or downloaded, local is None and bool(file.name)
                if from_cache:
                    source, revision = from_hub(where, entry.repository, revision, file.name)
                elif local is None:
                    download(where, file.url, downloaded, progress, name if part == "model" else f"{name} {part}")
                sha, size = check_file(where, source, file, expected)
                count = convert(where, source, converted, file.format, link=from_cache)
            finally:
                downloaded.unlink(missing_ok=True)
        origin = {"file": file.name} if file.name else {"url": file.url}
        record = {**origin, "source_sha256": sha, "source_size": size, "sha256": sha256_of(target), "tensors": count}
        return record, revision


def packaged(entry: StandInEntry) -> Path | None:
    """The file that an installed package carries, found without running any of its code; None where there is none."""
    package, _, inside = entry.package.partition("/")
    found = importlib.util.find_spec(package) if package else None
    folders = found.submodule_search_locations if found else None
    return next((path for folder in folders or () if (path := Path(folder) / inside).is_file()), None)


def _installed(entry: StandInEntry) -> bool:
    return not entry.package or packaged(entry) is not None


def joined(checksums: Sequence[str]) -> str:
    """One checksum for a model of several files: that of a single one, else of all of them."""
    return checksums[0] if len(checksums) == 1 else hashlib.sha256(" ".join(checksums).encode()).hexdigest()


def local_files(names: Sequence[str], given: Sequence[str], folder: Path | None) -> Mapping[str, Path] | Path | None:
    """What a command line says about files that are here already, as `Weights.fetch` takes it.

    Args:
        names: the entries to fetch.
        given: files, each as ``FILE`` or ``PART=FILE``.
        folder: a folder with all of them.

    Raises: WeightsError if that goes for several entries, or says two things at once.
    """
    if not given and folder is None:
        return None
    if len(names) > 1:
        raise WeightsError(f"weights '{names[1]}'", "files of one model only can be named", "fetch the others alone")
    where = f"weights '{names[0]}'"
    if folder is not None:
        if given:
            raise WeightsError(where, "both a folder and files are named", "use --from or --local")
        if not folder.is_dir():
            raise WeightsError(where, f"'{folder}' is no folder", "name one with --from, or a file with --local")
        return folder
    pairs = [(part, file) for part, sign, file in (text.partition("=") for text in given) if sign]
    if len(given) == 1 and (not pairs or Path(given[0]).exists()):
        return Path(given[0])
    parts = [part for part, _ in pairs]
    if len(parts) < len(given) or len(set(parts)) < len(parts):
        raise WeightsError(where, "--local has to name a part of each file, once", "write --local PART=FILE for each")
    return {part: Path(file) for part, file in pairs}


def _sources(name: str, entry: RealEntry, local: Mapping[str, Path] | Path | None) -> dict[str, Path]:
    """Files that were downloaded by other means, by part."""
    where = f"weights '{name}'"
    if isinstance(local, Path) and local.is_dir():
        found = {part: _in_folder(local, entry, part) for part in entry.files}
        missing = [part for part, path in found.items() if path is None]
        if missing:
            file = entry.files[missing[0]]
            remedy = (
                f"put '{file.name}' of {entry.repository} there" if file.name else f"put the file from {file.url} there"
            )
            raise WeightsError(where, f"'{local}' has no part '{missing[0]}'", remedy)
        return {part: path for part, path in found.items() if path is not None}
    if isinstance(local, Path) and len(entry.files) > 1:
        problem = f"has {len(entry.files)} files, and '{local}' is one"
        raise WeightsError(where, problem, f"name the part, as in {next(iter(entry.files))}={local}, or give a folder")
    sources = {next(iter(entry.files)): local} if isinstance(local, Path) else dict(local or {})
    if unknown := set(sources) - set(entry.files):
        raise WeightsError(where, f"no part '{min(unknown)}'", f"the parts are {', '.join(entry.files)}")
    return sources


def _in_folder(folder: Path, entry: RealEntry, part: str) -> Path | None:
    """A part's file in a folder: named as it is kept, or by the longest end of its address that is there."""
    file = entry.files[part]
    steps = (file.name or urlsplit(file.url).path.strip("/")).split("/")
    ends = ["/".join(steps[start:]) for start in range(len(steps))]
    return next((folder / end for end in [str(entry.kept(part)), *ends] if (folder / end).is_file()), None)


def _default_config() -> Path:
    return config_folder("weights.yaml") / "weights.yaml"


def describe() -> str:
    """The project's weights as a text table: name, size, licence, whether they are here, what a user has to know."""
    head = ("name", "kind", "here", "download", "licence", "note")
    rows = [head]
    for status in Weights().list_weights():
        here = "yes" if status.present else "no"
        download = "-" if status.kind == "stand-in" else "unknown" if status.size is None else _bytes(status.size)
        rows.append((status.name, status.kind, here, download, status.licence, status.note))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def fetch(name: str, *, progress: Progress = no_progress) -> Path:
    """`Weights.fetch` in the project's store."""
    return Weights().fetch(name, progress=progress)


def verify(names: Sequence[str] | None = None) -> dict[str, str]:
    """`Weights.verify` in the project's store: what was found, by name (``name/part`` for entries of several parts).

    Args:
        names: entries; None checks all that are here.

    Raises: WeightsError for an unknown name.
    """
    store = Weights()
    checks = [check for name in names or ["all"] for check in store.verify(name)]
    if not names:
        checks = [check for check in checks if check.state != "missing"]
    keys = {check: check.name if check.part == "model" else f"{check.name}/{check.part}" for check in checks}
    return {key: f"{check.state} ({check.detail})" for check, key in keys.items()}


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
