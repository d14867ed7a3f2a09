"""Checkpoints that other people saved, read as tensors and nothing else: no code in the file ever runs.

A pickle is a program. ``torch`` files go through PyTorch's ``weights_only`` loader; ``torchscript`` archives, which
that loader refuses, through a pickle reader that knows tensors and plain containers and treats every class of the
archive as an inert bag of attributes; ``safetensors`` files hold no code.
"""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from onereel.base import tensorfiles
from onereel.base.files import atomic_path
from onereel.base.tensorfiles import first_line
from onereel.weights.entries import Format

Tensors: TypeAlias = dict[str, torch.Tensor]

_WRAPPERS = ("state_dict", "model")  # keys under which trainers put the state dict beside optimiser state and notes


def read_tensors(path: Path | str, format: Format) -> Tensors:
    """Every tensor of a checkpoint by its dotted name.

    Args:
        path: the file.
        format: how it was saved.

    Raises: ValueError if the file is damaged, asks for code to be run, or holds no tensor, as plain ones do.
    """
    match format:
        case "torch":
            content = _read_torch(Path(path))
        case "torchscript":
            content = _read_torchscript(Path(path))
        case "safetensors":
            content = tensorfiles.load(path)
        case other:
            raise ValueError(f"unknown format {other!r}: use torch, torchscript or safetensors")
    tensors = dict(_flatten(_unwrap(content)))
    if not tensors:
        raise ValueError("holds no tensor")
    return tensors


def count_tensors(path: Path | str) -> int:
    """How many tensors a safetensors file holds, from its header alone.

    Raises: ValueError if it is no whole safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return len(file.keys())
    except (SafetensorError, OSError) as error:
        raise ValueError(f"is not a readable safetensors file ({first_line(error)})") from error


def write_tensors(path: Path | str, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors as safetensors, atomically; the same tensors always give the same bytes."""
    own = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in sorted(tensors.items())}
    with atomic_path(path) as temporary:
        save_file(own, temporary)


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(f"asks for more than tensors ({first_line(error)})") from error
    except Exception as error:  # torch has no type of its own for a damaged file
        raise ValueError(f"is not a readable checkpoint ({first_line(error)})") from error


def _read_torchscript(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            (index,) = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")]
            with archive.open(index) as stream:
                return _TorchScriptReader(stream, archive, index.removesuffix("data.pkl")).load()
    except pickle.UnpicklingError as error:
        raise ValueError(f"asks for more than tensors ({first_line(error)})") from error
    except Exception as error:  # a damaged pickle calls its few words with any arguments
        raise ValueError(f"is not a readable TorchScript archive ({first_line(error)})") from error


def _unwrap(content: Any) -> Any:
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            return content[key]
    return content


def _flatten(content: Any, prefix: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors of nested mappings and modules with dotted names; everything else is dropped."""
    if isinstance(content, torch.Tensor):
        yield prefix.removesuffix("."), content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _flatten(value, f"{prefix}{key}.")
    elif isinstance(content, _Module):
        yield from _flatten(vars(content), prefix)


class _Module:
    """What any class of a TorchScript archive becomes: a bag of attributes without behaviour."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update({str(key): value for key, value in state.items()})


def _rebuild_tensor(
    storage: torch.Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> torch.Tensor:
    # as_strided checks that the view stays inside the storage.
    return torch.as_strided(storage, size, stride, offset)


def _identity(value: Any, *_: Any) -> Any:
    return value


_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_CALLABLES: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    **{
        ("torch.jit._pickle", name): _identity
        for name in ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist", "restore_type_tag")
    },
}


class _TorchScriptReader(pickle.Unpickler):
    """Reads ``data.pkl`` of a TorchScript archive; refuses every name that is no tensor, container or archive class."""

    def __init__(self, stream: Any, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(stream)
        self._archive, self._folder = archive, folder
        self._storages: dict[str, torch.Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "__torch__" or module.startswith("__torch__."):
            return _Module
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) in _CALLABLES:
            return _CALLABLES[module, name]
        raise pickle.UnpicklingError(f"'{module}.{name}' is not allowed in a file of tensors")

    def persistent_load(self, pid: Any) -> torch.Tensor:
        _, dtype, key, *_ = pid
        if key not in self._storages:
            content = bytearray(self._archive.read(f"{self._folder}data/{key}"))
            self._storages[key] = torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)
        return self._storages[key]
