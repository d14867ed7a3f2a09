"""What ``config/weights.yaml`` lists: published models and what stands in for them. Needs no torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from onereel.base.readers import read_checked

Format: TypeAlias = Literal["torch", "torchscript", "safetensors"]
"""How a checkpoint was saved."""
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
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{8,64})?$")
    """Checksum of the file, or its first digits; empty where none was published."""
    size: int | None = Field(default=None, gt=0)
    """Bytes, where known."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    role: str
    """What code asks for: ``c3d``, ``inception``, ``depth``, ``flow``, ``clip``, ..."""
    title: str
    """Name as tables print it."""
    used_by: tuple[str, ...] = ()
    """Metrics and methods that use it."""


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


class StandInEntry(_Entry):
    """What replaces a model where it cannot be downloaded: the same architecture with other weights, or a method that
    needs none."""

    kind: Literal["stand-in"]
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """Checksum of the tensors (`fingerprint`) of a seeded stand-in, of the file of a trained one."""
    seed: int | None = None
    """Seed of random weights; they are the same on every machine."""
    file: Path | None = None
    """A safetensors file of small trained weights, relative to the project; then there is no seed."""
    library: str | None = None
    """A library's method that needs no weights, as ``package.function``; then there is neither."""
    licence: str = "MIT"

    @model_validator(mode="after")
    def _check_origin(self) -> "StandInEntry":
        if sum(origin is not None for origin in (self.seed, self.file, self.library)) != 1:
            raise ValueError("a stand-in has either a seed, a file or a library")
        if bool(self.sha256) == bool(self.library):
            raise ValueError("a stand-in has a sha256 if it has weights")
        return self


Entry: TypeAlias = Annotated[RealEntry | StandInEntry, Field(discriminator="kind")]
_SHEET = TypeAdapter(dict[str, Entry])


def read_entries(path: Path) -> dict[str, Entry]:
    """The list of weights by name.

    Raises: ConfigError if it is missing or does not fit.
    """
    known = {key for model in (RealEntry, StandInEntry, WeightsFile) for key in model.model_fields}
    return read_checked(path, "list of weights", _SHEET, sorted(known))


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
