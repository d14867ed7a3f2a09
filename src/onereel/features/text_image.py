"""CLIP embeddings of frames and texts (Radford et al. 2021), through open_clip.

Gen-1 represents content by them (Sec. 3.3) and measures frame and prompt consistency with them (Sec. 4.3).

Which open_clip model belongs to which weights is `MODELS`. The real ones are OpenAI's, whose networks use the quick
GELU: open_clip's plain ``ViT-L-14`` would load them with only a warning and give other embeddings. The stand-in
``onereel-world`` is a small model of the same kind, registered by this module (``open_clip/onereel-world.json``), with
its own byte-pair merges: it knows the words of the scenes' captions, and takes others apart into letters.

Frames: shorter side to the network's, bicubic, centre crop, CLIP's mean and deviation.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from onereel.base.errors import WeightsError
from onereel.features.images import CHUNK, chunks, images_of
from onereel.features.seeded import load_frozen
from onereel.video.clip import Frames
from onereel.weights.store import Resolved

ROLE = "clip"
MODELS: Mapping[str, str] = {
    "clip-vit-l-14": "ViT-L-14-quickgelu",
    "clip-vit-b-32": "ViT-B-32-quickgelu",
    "clip-world": "onereel-world",
}
"""open_clip's model by the name of the weights."""

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
_CONFIGS = Path(__file__).parent / "open_clip"
_TEXTS = 256  # per batch
# Numbers that OpenAI's archives hold beside the tensors of the network.
_NOTES = ("input_resolution", "context_length", "vocab_size")


class ClipEmbedder:
    """CLIP with resolved weights of role ``clip``.

    Args:
        weights: real or stand-in, of an entry that `MODELS` names.
        device: where to run.
        chunk: pixels per chunk; bounds memory, changes values only by float rounding.

    Raises: WeightsError if the tensors are not those of the model.
    """

    def __init__(self, weights: Resolved, *, device: torch.device | str = "cpu", chunk: int = CHUNK) -> None:
        if weights.name not in MODELS:
            remedy = "name its open_clip model in onereel.features.text_image.MODELS"
            raise WeightsError(f"weights '{weights.name}'", "belongs to no CLIP model", remedy)
        name = MODELS[weights.name]
        self.title, self.device, self.chunk = weights.printed, torch.device(device), chunk
        self.model = _load(name, weights).to(self.device)
        self.tokenizer = tokenizer(name)
        self.side = _side(self.model)
        self.dimension = int(self.model.text_projection.shape[1])

    @torch.inference_mode()
    def images(self, frames: Frames) -> np.ndarray:
        """Embeddings of frames (T, H, W, 3) uint8: (T, D) float32 of length 1."""
        return functional.normalize(self.raw_images(frames), dim=-1).numpy()

    @torch.inference_mode()
    def raw_images(self, frames: Frames) -> torch.Tensor:
        """The same with the lengths that the network gives them, (T, D) on the CPU: what generators read."""
        pixels = max(frames.shape[1] * frames.shape[2], self.side**2)
        parts = [self.model.encode_image(self.prepare(part)) for part in chunks(frames, pixels, self.chunk)]
        return torch.cat(parts).float().cpu()

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of N >= 1 texts: (N, D) float32 of length 1; words beyond the context are cut off."""
        tokens = self.tokenizer(list(texts)).to(self.device)
        parts = [self.model.encode_text(part) for part in tokens.split(_TEXTS)]
        return functional.normalize(torch.cat(parts).float(), dim=-1).cpu().numpy()

    def prepare(self, frames: Frames) -> torch.Tensor:
        """Frames (N, H, W, 3) uint8 as the network takes them: (N, 3, side, side) float32."""
        return normalised(images_of(frames, self.device), self.side)


def normalised(images: torch.Tensor, side: int) -> torch.Tensor:
    """(N, 3, H, W) in [0, 1] -> (N, 3, side, side): scaled, cropped at the centre, CLIP's mean and deviation."""
    height, width = images.shape[2:]
    if min(height, width) != side:
        # The longer side is rounded down, as torchvision does it.
        size = tuple(side * length // min(height, width) for length in (height, width))
        images = functional.interpolate(images, size, mode="bicubic", antialias=True).clamp_(0, 1)
    top, left = (round((length - side) / 2) for length in images.shape[2:])
    images = images[:, :, top : top + side, left : left + side]
    mean, std = (torch.tensor(values, device=images.device).view(3, 1, 1) for values in (MEAN, STD))
    return (images - mean) / std


def build(name: str) -> Any:
    """A model of open_clip by its name, this project's included, with untrained weights."""
    library = _open_clip()
    return library.CLIP(**library.get_model_config(name))


@cache
def tokenizer(name: str) -> Any:
    """Texts to (N, context) token numbers, for a model of open_clip by its name."""
    own = {"bpe_path": str(_CONFIGS / f"{name}.bpe.gz")} if (_CONFIGS / f"{name}.json").exists() else {}
    return _open_clip().get_tokenizer(name, **own)


def map_keys(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of the network in an archive of OpenAI's, as float32; their names are open_clip's."""
    return {key: value.float() for key, value in tensors.items() if key not in _NOTES}


@cache
def _open_clip() -> Any:
    import open_clip  # seconds of imports, that of torchvision among them

    open_clip.add_model_config(_CONFIGS)
    return open_clip


def _load(name: str, weights: Resolved) -> Any:
    return load_frozen(build(name), weights, map_keys(weights.tensors()))


def _side(model: Any) -> int:
    size = model.visual.image_size
    return int(size[0] if isinstance(size, Sequence) else size)
