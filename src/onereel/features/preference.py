"""PickScore (Kirstain et al. 2023): what people are likely to prefer among pictures for a prompt.

A CLIP that was tuned on choices of people. The score is the cosine of picture and text times the learnt scale,
exp(logit_scale), about 100: published values lie around 20. Frames: shorter side to the network's (224), bicubic with
antialias, centre crop, CLIP's mean and deviation. There is no stand-in: what people prefer cannot be trained on scenes.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from onereel.base.errors import WeightsError
from onereel.base.files import read_json
from onereel.base.tensorfiles import first_line
from onereel.features.images import CHUNK, chunks, images_of
from onereel.features.text_image import normalised, tokenizer
from onereel.video.clip import Frames
from onereel.weights.store import Resolved

ROLE = "preference"
_TOKENS = "ViT-H-14"  # open_clip's name of a model with CLIP's own words
_BUFFERS = ("embeddings.position_ids",)  # numbers 0, 1, 2, ... that older versions of transformers stored


class PickScorer:
    """PickScore with resolved weights of role ``preference``.

    Args:
        weights: the published files: parts ``model`` and ``config``.
        device: where to run.
        chunk: pixels per chunk; bounds memory, changes values only by float rounding.

    Raises: WeightsError if a weight has no place in the network, or a place no weight.
    """

    def __init__(self, weights: Resolved, *, device: torch.device | str = "cpu", chunk: int = CHUNK) -> None:
        self.title, self.device, self.chunk = weights.printed, torch.device(device), chunk
        self.model = _load(weights).to(self.device)
        self.tokens = tokenizer(_TOKENS)
        self.side = int(self.model.config.vision_config.image_size)

    @property
    def scale(self) -> float:
        """What cosines are multiplied with."""
        return float(self.model.logit_scale.exp())

    @torch.inference_mode()
    def images(self, frames: Frames) -> np.ndarray:
        """(T, D) float32 of length 1, of frames (T, H, W, 3) uint8."""
        pixels = max(frames.shape[1] * frames.shape[2], self.side**2)
        parts = [
            self.model.visual_projection(
                self.model.vision_model(normalised(images_of(part, self.device), self.side)).pooler_output
            )
            for part in chunks(frames, pixels, self.chunk)
        ]
        return functional.normalize(torch.cat(parts), dim=-1).cpu().numpy()

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """(N, D) float32 of length 1; words beyond the 77 tokens of CLIP are cut off."""
        tokens = self.tokens(list(texts)).to(self.device)
        found = self.model.text_projection(self.model.text_model(tokens).pooler_output)
        return functional.normalize(found, dim=-1).cpu().numpy()


def _load(weights: Resolved) -> Any:
    """A CLIPModel of transformers in which every weight was accounted for."""
    from transformers import CLIPConfig, CLIPModel  # seconds of imports

    where = f"weights '{weights.name}'"
    try:
        config = CLIPConfig.from_dict(read_json(weights.path("config")))
        state = {key: value.float() for key, value in weights.tensors().items() if not key.endswith(_BUFFERS)}
        with _quiet():
            model, told = CLIPModel.from_pretrained(
                None, config=config, state_dict=state, output_loading_info=True, dtype=torch.float32
            )
    except (OSError, ValueError, TypeError, RuntimeError, KeyError) as error:
        raise WeightsError(where, f"is no CLIP model ({first_line(error)})", _again(weights)) from None
    _account(where, told, weights)
    return model.eval().requires_grad_(False)


@contextmanager
def _quiet() -> Iterator[None]:
    """What transformers would say of keys is said once, by `_account`."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _account(where: str, told: Mapping[str, Any], weights: Resolved) -> None:
    for kind, said in (("missing", "missing"), ("unexpected", "left over"), ("mismatched", "of another shape")):
        if keys := sorted(map(str, told.get(f"{kind}_keys") or ())):
            raise WeightsError(where, f"{len(keys)} weights are {said}, '{keys[0]}' the first", _again(weights))


def _again(weights: Resolved) -> str:
    return f"run: onereel weights fetch {weights.name} --again"
