"""Clips with known contents for the tests of metrics."""

import numpy as np

from onereel.video.clip import Frames


def textured(size: tuple[int, int, int] = (6, 32, 40), seed: int = 0) -> Frames:
    """A smooth random texture that moves by one pixel to the right and down every frame, over a still gradient."""
    frames, height, width = size
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(height, width, 3))
    spectrum = np.fft.fft2(noise, axes=(0, 1))
    distance = np.hypot(*np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij"))
    texture = np.fft.ifft2(spectrum / (0.03 + distance[..., None]) ** 1.5, axes=(0, 1)).real
    texture = (texture - texture.mean()) / texture.std()
    ramp = np.linspace(-1, 1, width)[None, :, None]
    moving = np.stack([np.roll(texture, (t, t), axis=(0, 1)) for t in range(frames)])
    return np.clip(128 + 45 * moving + 30 * ramp, 0, 255).astype(np.uint8)


def noisy(frames: Frames, sigma: float, seed: int = 1) -> Frames:
    """Gaussian noise in grey levels on top."""
    noise = np.random.default_rng(seed).normal(0, sigma, frames.shape)
    return np.clip(np.round(frames + noise), 0, 255).astype(np.uint8)


def blurred(frames: Frames, radius: int) -> Frames:
    """A box blur of (2 radius + 1)^2 pixels."""
    padded = np.pad(frames.astype(np.float64), ((0, 0), (radius, radius), (radius, radius), (0, 0)), mode="edge")
    side = 2 * radius + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
    return np.round(windows.mean(axis=(-1, -2))).astype(np.uint8)


def shuffled(frames: Frames) -> Frames:
    """The frames at odd places, then those at even ones; none stays where it was."""
    return np.concatenate((frames[1::2], frames[::2]))


def frozen(frames: Frames) -> Frames:
    """The first frame for ever."""
    return np.repeat(frames[:1], len(frames), axis=0)


def tinted(frames: Frames, amount: float) -> Frames:
    """Red up, blue down by `amount` grey levels."""
    return np.clip(frames + np.array([amount, 0, -amount]), 0, 255).round().astype(np.uint8)
