"""What several methods read of a clip, and pages show: depth, flow and embeddings as files.

Each is a safetensors file; ``weights`` in its metadata names what made it.

- depth: ``inverse_depth`` (T, H, W) float16 in [0, 1], one scale for the clip, 1 the nearest.
- flow: ``forward``, ``backward`` (T-1, H, W, 2) float16 pixels (dx, dy): from a frame to the next, and from that back.
- embeddings: ``images`` (T, D) float32 of length 1; of a text: ``text`` (D,) float32 of length 1.
"""

from pathlib import Path

import numpy as np
import torch

from onereel.base import tensorfiles
from onereel.base.errors import MethodError
from onereel.video.clip import Frames
from onereel.weights.entries import Mode
from onereel.weights.store import Weights


def write_depth(path: Path, frames: Frames, *, weights: Mode = "auto", device: torch.device | str = "cpu") -> None:
    """Estimate and store the depth of a clip (T, H, W, 3) uint8.

    Raises: WeightsError if the mode asks for weights that are not here.
    """
    from onereel.features.depth import ROLE, DepthEstimator, normalised

    resolved = Weights().resolve(ROLE, weights)
    estimator = DepthEstimator(resolved, device=device)
    found = normalised(estimator.estimate(frames)).astype(np.float16)
    _write(path, {"inverse_depth": found}, resolved.printed)


def write_flow(path: Path, frames: Frames, *, weights: Mode = "auto", device: torch.device | str = "cpu") -> None:
    """Estimate and store the flow of a clip (T, H, W, 3) uint8, T >= 1, there and back.

    Raises: WeightsError if the mode asks for weights that are not here.
    """
    from onereel.features.flow import optical_flow, resolve_flow

    estimator = resolve_flow(weights, device=device)
    there = optical_flow(frames, estimator=estimator)
    back = optical_flow(frames[::-1], estimator=estimator)[::-1]
    flows = {"forward": there, "backward": back}
    _write(path, {name: flow.astype(np.float16) for name, flow in flows.items()}, estimator.title)


def write_embeddings(path: Path, frames: Frames, *, weights: Mode = "auto", device: torch.device | str = "cpu") -> None:
    """Store CLIP's image embeddings of a clip's frames (T, H, W, 3) uint8.

    Raises: WeightsError if the mode asks for weights that are not here.
    """
    embedder = _embedder(weights, device)
    _write(path, {"images": embedder.images(frames)}, embedder.title)


def write_text_embedding(path: Path, text: str, *, weights: Mode = "auto", device: torch.device | str = "cpu") -> None:
    """Store CLIP's embedding of one text.

    Raises: WeightsError if the mode asks for weights that are not here.
    """
    embedder = _embedder(weights, device)
    _write(path, {"text": embedder.texts([text])[0]}, embedder.title)


WRITERS = {"depth": write_depth, "flow": write_flow, "embeddings": write_embeddings}
"""What is read off a clip, by kind."""


_AXES = {
    "depth": {"inverse_depth": 3},
    "flow": {"forward": 4, "backward": 4},
    "embeddings": {"images": 2},
    "text": {"text": 1},
}
_REMEDY = "delete it, and it is made again"


def read_artefact(path: Path, kind: str) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of such a file, and what made them.

    Args:
        path: the file.
        kind: ``depth``, ``flow``, ``embeddings`` or ``text``.

    Raises: MethodError if it is missing, damaged or holds something else.
    """
    if kind not in _AXES:
        raise ValueError(f"'{kind}' is no kind of artefact")
    try:
        tensors, notes = tensorfiles.load_with_notes(path)
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    except (ValueError, TypeError) as error:  # NumPy lacks some of PyTorch's types, which no artefact has
        raise MethodError(f"'{path}'", str(error), _REMEDY) from None
    if {name: array.ndim for name, array in arrays.items()} != _AXES[kind] or not all(map(np.size, arrays.values())):
        raise MethodError(f"'{path}'", f"does not hold what '{kind}' is made of", _REMEDY)
    return arrays, str(notes.get("weights", ""))


def _embedder(weights: Mode, device: torch.device | str):  # type: ignore[no-untyped-def]
    from onereel.features.text_image import ROLE, ClipEmbedder

    return ClipEmbedder(Weights().resolve(ROLE, weights), device=device)


def _write(path: Path, arrays: dict[str, np.ndarray], title: str) -> None:
    tensorfiles.save_arrays(path, arrays, {"weights": title})
