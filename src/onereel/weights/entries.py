"""What ``config/weights.yaml`` and ``config/backbones.yaml`` list: published models and what stands in for them.

Needs no torch.
"""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter, model_validator

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


_BY_SUFFIX: Mapping[str, Format] = {".safetensors": "safetensors", ".bin": "torch", ".pth": "torch", ".pt": "torch"}


class WeightsFile(BaseModel):
    """One downloadable file of a model; of a file of the entry's repository, the name alone says it all."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Where it is; else it has a name."""
    name: str = ""
    """Its name in the entry's repository: ``unet/diffusion_pytorch_model.safetensors``."""
    format: Format
    """How it was saved; of a named file, what its suffix says where nothing else is said."""
    path: str = ""
    """Where it is kept in the entry's folder, for libraries that look for names; by default that of the repository,
    tensors as ``.safetensors``, else ``{part}.safetensors``. Plain files need a path or a name."""
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{8,64})?$")
    """Checksum of the file, or its first digits; empty where none was published."""
    size: int | None = Field(default=None, gt=0)
    """Bytes, where known."""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:
        about = {"name": given} if isinstance(given, str) else given
        if isinstance(about, dict) and isinstance(about.get("name"), str) and "format" not in about:
            return {**about, "format": _BY_SUFFIX.get(PurePosixPath(about["name"]).suffix, "plain")}
        return about

    @model_validator(mode="after")
    def _check_path(self) -> "WeightsFile":
        if bool(self.url) == bool(self.name):
            raise ValueError("a file has either a url or a name in the entry's repository")
        for path in map(PurePosixPath, (self.path, self.name)):
            if path.is_absolute() or ".." in path.parts or "\\" in str(path):
                raise ValueError("path leads out of the entry's folder")
        if self.format == "plain" and not (self.path or self.name):
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
    repository: str = Field(default="", pattern=r"^([\w.-]+/[\w.-]+)?$")
    """On the Hugging Face hub, as ``owner/name``; of files with names."""
    revision: str = Field(default="main", pattern=r"^[\w./-]+$")
    """Its commit, or a branch: then the commit of the first fetch is recorded, and fetched from then on."""
    preprocessing: str
    """What its input has to look like."""
    files: Mapping[str, WeightsFile] = Field(min_length=1)
    """Its files by part: ``model``, or ``unet``, ``vae``, ..."""

    def kept(self, part: str) -> PurePosixPath:
        """Where a part's file is kept in the entry's folder."""
        file = self.files[part]
        if file.path or not file.name:
            return PurePosixPath(file.path or f"{part}.safetensors")
        return (
            PurePosixPath(file.name) if file.format == "plain" else PurePosixPath(file.name).with_suffix(".safetensors")
        )

    @model_validator(mode="after")
    def _check_names(self) -> "RealEntry":
        for part, file in self.files.items():
            if file.name and not self.repository:
                raise ValueError(f"part '{part}' names a file of a repository, and the entry has none")
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
    """Checksum of the tensors (`fingerprint`) of a seeded stand-in, of the file of a trained one."""
    seed: int | None = None
    """Seed of random weights; they are the same on every machine."""
    file: Path | None = None
    """A safetensors file of small trained weights, relative to the project; then there is no seed."""
    files: Mapping[str, StandInFile] = Field(default_factory=dict)
    """Such files by part, where there are several."""
    library: str | None = None
    """A library's method that needs no weights, as ``package.function``; then there is neither."""
    package: str = Field(default="", pattern=r"^(\w+(/[\w.-]+)+)?$")
    """A file of weights that an installed package carries, as ``package/folder/file.pth``; no code of it is run."""
    licence: str = "MIT"
    family: str = ""
    """Which code loads it: of a generative model as `BackboneEntry.family`, of one that measures where its architecture
    is not that of the models it replaces."""

    @model_validator(mode="after")
    def _check_origin(self) -> "StandInEntry":
        origins = (self.seed, self.file, self.library, self.files or None, self.package or None)
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError("a stand-in has either a seed, a file, files, a package or a library")
        if bool(self.sha256) == bool(self.library or self.files):
            raise ValueError("a stand-in has a sha256 if it has weights, each of several files its own")
        return self

    @property
    def parts(self) -> Mapping[str, StandInFile]:
        """Its files by part: ``model`` where there is one; none of a seeded one or a library's method."""
        return {"model": StandInFile(file=self.file, sha256=self.sha256)} if self.file else self.files


class BackboneEntry(RealEntry):
    """A published generative model that methods build on (``config/backbones.yaml``)."""

    family: str
    """Which code loads it: a key of `onereel.backbones.families.FAMILIES`."""
    parameters: float = Field(gt=0)
    """Of the network that denoises, in billions."""
    frames: PositiveInt = 1
    """Frames that it was trained on; 1 for models of pictures."""
    fps: float | None = Field(default=None, gt=0)
    """Frames a second that it was trained on; None for models of pictures."""
    height: PositiveInt
    width: PositiveInt
    """Pixels that it was trained on."""
    sampling_gb: float = Field(gt=0)
    """Memory to sample its native frames and size, GB, in 16 bits without offloading."""
    tuning_gb: float | None = Field(default=None, gt=0)
    """Memory to fine-tune it there with LoRA and gradient checkpointing, GB; None where no method here does."""
    paper_role: str
    """What it replaces in the papers."""


Entry: TypeAlias = Annotated[RealEntry | StandInEntry, Field(discriminator="kind")]
_SHEET = TypeAdapter(dict[str, Entry])
_BACKBONES = TypeAdapter(dict[str, Annotated[BackboneEntry | StandInEntry, Field(discriminator="kind")]])


def read_entries(path: Path, backbones: Path | None = None) -> dict[str, Entry]:
    """The list of weights by name, and that of backbones after it.

    Raises: ConfigError if one is missing or does not fit, two entries have one name, or one stands in for something
        that is not listed.
    """
    known = {key for model in (BackboneEntry, StandInEntry, WeightsFile, StandInFile) for key in model.model_fields}
    entries = read_checked(path, "list of weights", _SHEET, sorted(known))
    if backbones:
        further = read_checked(backbones, "list of backbones", _BACKBONES, sorted(known))
        if twice := sorted(entries.keys() & further.keys()):
            raise ConfigError(f"{backbones}, '{twice[0]}'", f"is in {path}, too", "name one of them otherwise")
        entries.update(further)
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
    unpinned = not re.fullmatch("[0-9a-f]{40}", entry.revision) if entry.repository else True
    if unpinned and not all(file.sha256 for file in entry.files.values()):
        notes.append("no published checksum: the first fetch records it")
    return "; ".join(notes)
