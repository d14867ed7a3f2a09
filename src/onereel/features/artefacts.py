"""What several methods read of a clip, and pages show: depth, flow and embeddings as files.

Each is a safetensors file; ``weights`` in its metadata names what made it.

- depth: ``inverse_depth`` (T, H, W) float16 in [0, 1], one scale for the clip, 1 the nearest.
- flow: ``forward``, ``backward`` (T-1, H, W, 2) float16 pixels (dx, dy): from a frame to the next, and from that back.
- embeddings: ``images`` (T, D) float32 of length 1; of a text: ``text`` (D,) float32 of length 1.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from onereel.clip import Frames
from onereel.files import atomic_path
from onereel.weights import Mode, Weights


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


def read_artefact(path: Path) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of such a file, and what made them."""
    with safe_open(path, framework="np") as file:
        title = (file.metadata() or {}).get("weights", "")
    return load_file(path), title


def _embedder(weights: Mode, device: torch.device | str):  # type: ignore[no-untyped-def]
    from onereel.features.clip import ROLE, ClipEmbedder

    return ClipEmbedder(Weights().resolve(ROLE, weights), device=device)


def _write(path: Path, arrays: dict[str, np.ndarray], title: str) -> None:
    with atomic_path(path) as temporary:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary, {"weights": title})
