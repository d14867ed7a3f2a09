"""Tiny random models of pictures, of the shipped classes, and a moving clip, for tests of editors of frames alone."""

from pathlib import Path

import numpy as np
import pytest
import torch

from onereel.backbones import latent
from onereel.base import tensorfiles
from onereel.base.files import sha256_of
from onereel.methods import Inputs, Job, configure, load_method
from onereel.video.clip import Clip
from onereel.weights.checkpoints import write_tensors
from onereel.weights.store import Resolved
from tests.unit.tiny_backbones import tiny

CPU = torch.device("cpu")
PROMPT = "two red balloons at sunset"


def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes of `latent-world`, a few channels wide."""
    few = {"norm_num_groups": 4}
    monkeypatch.setattr(latent, "AUTOENCODER", {**latent.AUTOENCODER, **few, "block_out_channels": (4, 8, 8)})
    config = {**latent.TEXT_UNET, **few, "block_out_channels": (8, 16), "attention_head_dim": 2}
    monkeypatch.setattr(latent, "TEXT_UNET", config)


def latent_world(folder: Path) -> Resolved:
    """Random weights of `latent-world`'s text model; `narrow` first. Its answers are large enough to be seen."""
    torch.manual_seed(0)
    parts = {
        "vae": {**latent.new_autoencoder().state_dict(), latent.SCALING: torch.tensor(2.0, dtype=torch.float64)},
        "depth_text": latent.TextNetwork().state_dict(),
    }
    files = {}
    for part, tensors in parts.items():
        path = folder / f"{part}.safetensors"
        write_tensors(path, tensors)
        files[part] = (path, sha256_of(path))
    return Resolved("latent-world", "latent-diffusion", "tiny", "tiny", "ab" * 32, True, files)


def model_of(kind: str, folder: Path) -> Resolved:
    """``latent-world``, ``stable-diffusion`` or ``stable-diffusion-depth``."""
    folder.mkdir(exist_ok=True)
    return latent_world(folder) if kind == "latent-world" else tiny(kind, folder)


def moving_clip(frames: int = 5, height: int = 24, width: int = 36) -> Clip:
    """A bright box that moves two pixels to the right a frame, over a texture that stands still."""
    rng = np.random.default_rng(0)
    ground = rng.integers(40, 120, (height, width, 3), dtype=np.uint8)
    found = np.stack([ground] * frames)
    for index in range(frames):
        found[index, 6:14, 4 + 2 * index : 14 + 2 * index] = (230, 60, 40)
    return Clip(found)


def depth_of(clip: Clip, folder: Path) -> Path:
    """A ramp that is nearest below, with a box that is nearer; as `onereel.features.artefacts` keeps it."""
    count, height, width = clip.size
    ramp = np.linspace(0, 0.6, height, dtype=np.float32)[None, :, None].repeat(count, 0).repeat(width, 2)
    ramp[clip.frames[..., 0] > 200] = 1.0
    path = folder / "depth.safetensors"
    tensorfiles.save_arrays(path, {"inverse_depth": ramp.astype(np.float16)}, {"weights": "truth"})
    return path


def flow_of(clip: Clip, folder: Path, dx: float = 2.0, dy: float = 0.0) -> Path:
    """The same motion everywhere."""
    count, height, width = clip.size
    there = np.zeros((count - 1, height, width, 2), np.float16)
    there[..., 0], there[..., 1] = dx, dy
    path = folder / "flow.safetensors"
    tensorfiles.save_arrays(path, {"forward": there, "backward": -there}, {"weights": "truth"})
    return path


def inputs_of(clip: Clip, folder: Path, prompt: str = PROMPT, **artefacts: Path) -> Inputs:
    """A clip with its prompt and artefacts by kind."""
    return Inputs(clip, prompt=prompt, artefacts={("clip", kind): path for kind, path in artefacts.items()})


def job_of(weights: Resolved, **further: object) -> Job:
    """On the CPU, with one pretrained model."""
    return Job(CPU, backbones={weights.name: weights}, **further)


def settings_of(method: str, weights: Resolved, **settings: object):
    """Of a few steps."""
    given = {"backbone": weights.name, "num_inference_steps": 4, **settings}
    return configure(load_method(method), "demo", given)
