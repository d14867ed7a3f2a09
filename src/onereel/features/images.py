"""What extractors that look at single frames share: frames to image tensors, chunk by chunk."""

from collections.abc import Iterator

import torch
from torch.nn import functional

from onereel.video.clip import Frames

CHUNK = 1 << 20  # pixels per chunk


def chunks(frames: Frames, pixels: int, chunk: int = CHUNK) -> Iterator[Frames]:
    """Parts of a clip (T, H, W, 3) in order, as many frames each as have `chunk` pixels at `pixels` a frame."""
    count = max(1, chunk // pixels)
    for start in range(0, len(frames), count):
        yield frames[start : start + count]


def images_of(frames: Frames, device: torch.device, size: tuple[int, int] | None = None) -> torch.Tensor:
    """(N, H, W, 3) uint8 -> (N, 3, h, w) float32 in [0, 1], scaled to `size` (bicubic, antialiased) if it is given."""
    images = torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).to(torch.float32) / 255
    if size is None or tuple(images.shape[2:]) == size:
        return images
    return functional.interpolate(images, size, mode="bicubic", antialias=True).clamp_(0, 1)
