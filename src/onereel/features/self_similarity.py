"""Self-similarity of a frame's patches, by the keys of DINO's last layer (Tumanyan et al. 2022, Splicing ViT Features).

What is compared between two pictures is not how patches look but how much each looks like every other: shape and
layout, whatever the colours. Published with DINO ViT-B/8, whose files timm publishes, too. The network's size follows
from the tensors; a head has 64 channels in all networks of DINO. Frames: shorter side to 224, the other to a multiple
of the patch, bicubic with antialias; ImageNet's mean and deviation; position embeddings are resampled to the frame.
"""

import numpy as np
import torch
from torch.nn import functional

from onereel.base.errors import WeightsError
from onereel.features.images import images_of
from onereel.features.seeded import load_frozen
from onereel.video.clip import Frames
from onereel.weights.store import Resolved

ROLE = "self-similarity"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HEAD = 64  # channels of a head of DINO's networks
_SIDE = 224  # pixels of the shorter side
_FRAMES = 4  # at a time: ViT-B/8 has 785 and more patches a frame


class SelfSimilarity:
    """DINO with resolved weights of role ``self-similarity``.

    Args:
        weights: timm's state dict of a vision transformer without a head.
        device: where to run.
        side: pixels of the shorter side that frames are scaled to.

    Raises: WeightsError if the tensors are not those of such a network.
    """

    def __init__(self, weights: Resolved, *, device: torch.device | str = "cpu", side: int = _SIDE) -> None:
        self.title, self.device, self.side = weights.printed, torch.device(device), side
        self.model = _load(weights).to(self.device)
        self.patch = int(self.model.patch_embed.patch_size[0])

    @torch.inference_mode()
    def keys(self, frames: Frames) -> np.ndarray:
        """Keys of the last layer, all heads side by side, of length 1.

        Args:
            frames: (T, H, W, 3) uint8.

        Returns: (T, 1 + patches, D) float32; the first is the class token's.
        """
        size = self.size(frames.shape[1], frames.shape[2])
        return np.concatenate([self._keys(frames[at : at + _FRAMES], size) for at in range(0, len(frames), _FRAMES)])

    def size(self, height: int, width: int) -> tuple[int, int]:
        """What frames are scaled to."""
        scale = self.side / min(height, width)
        rounded = [max(self.patch, round(scale * length / self.patch) * self.patch) for length in (height, width)]
        return rounded[0], rounded[1]

    def _keys(self, frames: Frames, size: tuple[int, int]) -> np.ndarray:
        mean, std = (torch.tensor(values, device=self.device).view(3, 1, 1) for values in (MEAN, STD))
        found: list[torch.Tensor] = []
        hook = self.model.blocks[-1].attn.qkv.register_forward_hook(lambda _, __, out: found.append(out))
        try:
            self.model.forward_features((images_of(frames, self.device, size) - mean) / std)
        finally:
            hook.remove()
        (out,) = found  # (N, L, 3 D): queries, keys, values
        return functional.normalize(out.chunk(3, dim=-1)[1].float(), dim=-1).cpu().numpy()


def _load(weights: Resolved) -> torch.nn.Module:
    from timm.models.vision_transformer import VisionTransformer  # seconds of imports

    where = f"weights '{weights.name}'"
    state = {key: value.float() for key, value in weights.tensors().items()}
    try:
        width, _, patch, _ = state["patch_embed.proj.weight"].shape
        depth = 1 + max(int(key.split(".")[1]) for key in state if key.startswith("blocks."))
        grid = round((state["pos_embed"].shape[1] - 1) ** 0.5)
    except (KeyError, ValueError) as error:
        problem = f"no vision transformer of timm: look at tensor {error}"
        raise WeightsError(where, problem, f"run: onereel weights verify {weights.name}") from None
    model = VisionTransformer(
        img_size=grid * patch,
        patch_size=patch,
        embed_dim=width,
        depth=depth,
        num_heads=max(1, width // _HEAD),
        num_classes=0,
        dynamic_img_size=True,
    )
    return load_frozen(model, weights, state)
