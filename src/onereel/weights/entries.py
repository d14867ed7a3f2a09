"""What ``config/weights.yaml`` lists: published models and what stands in for them. Needs no torch."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean
from onereel.base.readers import read_checked

RECORD = "weights.json"
"""Beside the files of a fetched entry: where they came from and what they were."""
Format: TypeAlias = Literal["torch", "torchscript", "safetensors", "plain"]
"""How a file was saved: a checkpoint of one of three kinds, or ``plain``: no tensors (a configuration, a tokenizer's
words), kept byte for byte."""
Mode: TypeAlias = Literal["auto", "real", "stand-in"]
"""Which weights to use: the real ones where present, only real ones, only stand-ins."""
MODES: tuple[Mode, ...] = ("auto", "real", "stand-in")


class WeightsFile(BaseModel):
    """One downloadable file of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: str = Field(pattern=r"^https?://\S+$")
    """Where it is."""
    format: Format
    """How it was saved."""
    path: str = ""
    """Where it is kept in the entry's folder, for libraries that look for names: ``tokenizer/vocab.json``; by default
    ``{part}.safetensors``. Plain files need one."""
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{8,64})?$")
    """Checksum of the file, or its first digits; empty where none was published."""
    size: int | None = Field(default=None, gt=0)
    """Bytes, where known."""

    @model_validator(mode="after")
    def _check_path(self) -> "WeightsFile":
        steps = PurePosixPath(self.path).parts
        if self.path and (PurePosixPath(self.path).is_absolute() or ".." in steps or "\\" in self.path):
            raise ValueError("path leads out of the entry's folder")
        if self.format == "plain" and not self.path:
            raise ValueError("a plain file needs a path: the name under which it is kept")
        if self.format != "plain" and self.path and not self.path.endswith(".safetensors"):
            raise ValueError("tensors are kept as safetensors: path must end so")
        return self


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    role: str
    """What code asks for: ``c3d``, ``inception``, ``depth``, ``flow``, ``clip``, ..."""
    roles: tuple[str, ...] = ()
    """Further roles that it can play."""
    title: str
    """Name as tables print it."""
    used_by: tuple[str, ...] = ()
    """Metrics and methods that use it."""

    def plays(self, role: str) -> bool:
        """Whether that is one of its roles."""
        return role == self.role or role in self.roles


class RealEntry(_Entry):
    """A published model."""

    kind: Literal["real"]
    licence: str
    """SPDX identifier or the licence's own name."""
    source: str
    """Who published it."""
    preprocessing: str
    """What its input has to look like."""
    files: Mapping[str, WeightsFile] = Field(min_length=1)
    """Its files by part: ``model``, or ``unet``, ``vae``, ..."""

    def kept(self, part: str) -> PurePosixPath:
        """Where a part's file is kept in the entry's folder."""
        return PurePosixPath(self.files[part].path or f"{part}.safetensors")

    @model_validator(mode="after")
    def _check_names(self) -> "RealEntry":
        taken = {PurePosixPath(RECORD): "the record of what was fetched"}
        for part in self.files:
            here = PurePosixPath(str(self.kept(part)).lower())  # not every file system tells A from a
            for there, owner in taken.items():
                if here == there or here in there.parents or there in here.parents:
                    raise ValueError(f"part '{part}' would be kept where {owner} is: {here}")
            taken[here] = f"part '{part}'"
        return self


class StandInFile(BaseModel):
    """One file of small trained weights."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    file: Path
    """A safetensors file, relative to the project."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Its checksum."""


class StandInEntry(_Entry):
    """What replaces a model where it cannot be downloaded: the same architecture with other weights, or a method that
    needs none."""

    kind: Literal["stand-in"]
    stands_in_for: tuple[str, ...] = ()
    """Published models that it replaces where somebody asks for one of them by name; without any, it replaces whatever
    plays its roles."""
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """Checksum of the tensors (`fingerprint`) of a seeded stand-in, of the `file` of a trained one."""
    seed: int | None = None
    """Seed of random weights; they are the same on every machine."""
    file: Path | None = None
    """A safetensors file of small trained weights, relative to the project; then there is no seed."""
    files: Mapping[str, StandInFile] = Field(default_factory=dict)
    """Such files by part, where there are several."""
    library: str | None = None
    """A library's method that needs no weights, as ``package.function``; then there is neither."""
    licence: str = "MIT"

    @model_validator(mode="after")
    def _check_origin(self) -> "StandInEntry":
        if sum(origin is not None for origin in (self.seed, self.file, self.library, self.files or None)) != 1:
            raise ValueError("a stand-in has either a seed, a file, files or a library")
        if bool(self.sha256) == bool(self.library or self.files):
            raise ValueError("a stand-in has a sha256 if it has weights, each of several files its own")
        return self

    @property
    def parts(self) -> Mapping[str, StandInFile]:
        """Its files by part: ``model`` where there is one; none of a seeded one or a library's method."""
        return {"model": StandInFile(file=self.file, sha256=self.sha256)} if self.file else self.files


Entry: TypeAlias = Annotated[RealEntry | StandInEntry, Field(discriminator="kind")]
_SHEET = TypeAdapter(dict[str, Entry])


def read_entries(path: Path) -> dict[str, Entry]:
    """The list of weights by name.

    Raises: ConfigError if it is missing, does not fit, or has a stand-in for something that it does not list.
    """
    known = {key for model in (RealEntry, StandInEntry, WeightsFile, StandInFile) for key in model.model_fields}
    entries = read_checked(path, "list of weights", _SHEET, sorted(known))
    real = [name for name, entry in entries.items() if isinstance(entry, RealEntry)]
    for name, entry in entries.items():
        replaced = entry.stands_in_for if isinstance(entry, StandInEntry) else ()
        for other in set(replaced) - set(real):
            problem = f"stands_in_for names '{other}', which is no published model of the list"
            raise ConfigError(f"{path}, '{name}'", problem, did_you_mean(other, real))
    return entries


def licence_note(entry: RealEntry) -> str:
    """What a user has to know before using the weights; empty if there is nothing."""
    notes = []
    if "NC" in entry.licence.split("-"):
        notes.append(f"licence {entry.licence}: no commercial use")
    elif "RAIL" in entry.licence:
        notes.append(f"licence {entry.licence}: restricts some uses")
    if not all(file.sha256 for file in entry.files.values()):
        notes.append("no published checksum: the first fetch records it")
    return "; ".join(notes)
