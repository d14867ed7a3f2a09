"""Features that several metrics read of the same frames: computed once, and kept by the evaluation's `Context`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from onereel.features.flow import estimator_of
from onereel.metrics.base import Arrays, Context
from onereel.video.clip import Frames


def clip_images(frames: Frames, context: Context) -> np.ndarray:
    """(T, D) float32 image embeddings of length 1, by the weights of role ``clip``."""
    weights = context.resolve("clip")
    about = {"weights": weights.name, "sha256": weights.sha256}
    return context.stored("clip", [frames], about, lambda: {"images": _embedder(context).images(frames)})["images"]


def clip_texts(texts: Sequence[str], context: Context) -> np.ndarray:
    """(N, D) float32 text embeddings of length 1."""
    return np.stack([_text(text, context) for text in texts])


def flows(frames: Frames, context: Context) -> Arrays:
    """``forward``, ``backward``: (T-1, H, W, 2) float32 pixels (dx, dy), by what plays the role ``flow``."""
    weights = context.resolve("flow")
    about = {"weights": weights.name, "sha256": weights.sha256}

    def compute() -> Arrays:
        estimator = context.once(("flow", weights.name), lambda: estimator_of(weights, context.device))
        there, back = estimator.estimate(frames[:-1], frames[1:]), estimator.estimate(frames[1:], frames[:-1])
        return {"forward": there, "backward": back}

    return context.stored("flow", [frames], about, compute)


def _text(text: str, context: Context) -> np.ndarray:
    sha256 = context.resolve("clip").sha256
    found: np.ndarray = context.once(("text", sha256, text), lambda: _embedder(context).texts([text])[0])
    return found


def _embedder(context: Context) -> Any:
    from onereel.features.text_image import ClipEmbedder  # with open_clip, which takes seconds to load

    weights = context.resolve("clip")
    return context.once(("clip", weights.sha256), lambda: ClipEmbedder(weights, device=context.device))
