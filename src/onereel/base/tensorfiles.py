"""Tensors of ours on disk: safetensors files with a checksum of the tensors, as stored clips have one of their frames.

A disk or a copy that changed a bit leaves a file that safetensors reads without a word: the checksum is what notices.
Files without one, of other programs or of older versions, are read as they are.
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from onereel.base.files import atomic_path

_KEY, _CHECK = "onereel", "crc32"


def save(path: Path | str, tensors: Mapping[str, torch.Tensor], notes: Mapping[str, str] | None = None) -> None:
    """Write tensors, atomically; the same tensors and notes always give the same bytes.

    Args:
        path: the file.
        tensors: by name, on any device.
        notes: texts that go with them.
    """
    # Cloned, because safetensors refuses tensors that share memory.
    own = {name: tensors[name].detach().cpu().contiguous().clone() for name in sorted(tensors)}
    with atomic_path(path) as temporary:
        # One entry: safetensors writes several in any order, and the same content would not give the same bytes.
        save_file(own, temporary, {_KEY: json.dumps({**(notes or {}), _CHECK: _checksum(own)}, sort_keys=True)})


def save_arrays(path: Path | str, arrays: Mapping[str, np.ndarray], notes: Mapping[str, str] | None = None) -> None:
    """`save` of NumPy arrays."""
    save(path, {name: torch.from_numpy(np.asarray(array, order="C")) for name, array in arrays.items()}, notes)


def load(path: Path | str, *, ours: bool = False) -> dict[str, torch.Tensor]:
    """The tensors of a file, on the CPU.

    Args:
        path: the file.
        ours: whether nobody but `save` can have written it.

    Raises: ValueError if it is missing, no whole safetensors file, holds other tensors than were written, or has no
        checksum though it is ours.
    """
    return load_with_notes(path, ours=ours)[0]


def load_with_notes(path: Path | str, *, ours: bool = False) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors of a file and the texts that go with them; otherwise as `load`."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
            notes = dict(file.metadata() or {})
            notes = dict(json.loads(notes[_KEY])) if _KEY in notes else notes
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"is not a readable safetensors file ({first_line(error)})") from None
    check = notes.pop(_CHECK, None)
    if check != _checksum(tensors) and (ours or check is not None):
        raise ValueError("is damaged: its tensors are not those that were written")
    return tensors, notes


def first_line(error: BaseException) -> str:
    """What a library's error says, short enough for a line of ours."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _checksum(tensors: Mapping[str, torch.Tensor]) -> str:
    """CRC-32 of names, types, shapes and values, in the order of the names."""
    value = 0
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        value = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), value)
        value = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, value)
    return f"{value:08x}"
