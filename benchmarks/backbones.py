"""The text-to-video cascade: its training step against a plain module of the same function, and what it makes.

    python benchmarks/backbones.py steps --threads 2                          # 40 steps of each
    python benchmarks/backbones.py sheet docs/t2v_world.png                   # of unseen captions, the shipped weights
    python benchmarks/backbones.py sheet new.png --trained results/stand_ins  # those that were just trained
    python benchmarks/backbones.py pictures docs/latent_world.png             # of the latent diffusion models

`steps`: plain is the same function of library parts in the layout of diffusers' `UNet3DConditionModel`: its residual
blocks and attention with channels first, temporal convolutions in 3D, PyTorch's `TransformerEncoder`; of the same
widths and depth and about as many parameters. (That class itself has more than twice as many at these widths.) Both
train on the same batches in bfloat16, with the same optimiser and memory that is kept instead of given back (glibc's
settings below, without which both spend a third of their time in the kernel), and take turns, so that whatever else the
machine does hits both.
"""

import argparse
import os
import statistics
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np
import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.embeddings import TimestepEmbedding, Timesteps
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn
from torch.nn import functional

from onereel.backbones.cascade.pipeline import Cascade
from onereel.backbones.cascade.stages import BASE
from onereel.backbones.cascade.text import CONTEXT, VOCABULARY
from onereel.backbones.latent import ImageModel, TextModel
from onereel.base.devices import resolve_device
from onereel.base.progress import no_progress, terminal_progress
from onereel.networks.conv3d import Conv3d
from onereel.scenes.world import MOTION, describe
from onereel.standins.classes import one_group
from onereel.standins.latent import grey, world_pictures
from onereel.standins.latent_diffusion import generated, latents_of
from onereel.standins.make import MODEL, resolved
from onereel.standins.prior import clip_world, raw_images
from onereel.standins.registry import STAND_INS, find
from onereel.standins.t2v.base import T2VBase
from onereel.standins.t2v.worlds import Captioned, batch_of, captioned
from onereel.standins.worlds import specs_from
from onereel.training.loop import generator_of
from onereel.training.trainer import Trainer
from onereel.video.clip import to_frames
from onereel.weights.store import Resolved, Weights

MALLOC = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "20000000000"}
WARM_UP = 4  # steps that are not counted
_CLIPS = 128
_UNSEEN = 10_000_000  # seeds from here on are never trained on
_TEXT, _EMBEDDING = 128, 256  # as `NetworkConfig`
_FRAMES, _SIDE = BASE.frames, BASE.height // 2  # of the last level


class PlainBlock(nn.Module):
    """What a block of `StageNetwork` does, of diffusers' blocks, channels first as its `UNet3DConditionModel` is."""

    def __init__(self, width: int, *, attends: bool) -> None:
        super().__init__()
        self.spatial = ResnetBlock2D(
            in_channels=width, out_channels=width, temb_channels=_EMBEDDING, time_embedding_norm="scale_shift"
        )
        self.temporal_conv = nn.Sequential(
            nn.GroupNorm(32, width), nn.SiLU(), Conv3d(width, width, (3, 1, 1), padding=(1, 0, 0)),
            nn.SiLU(), Conv3d(width, width, 1),
        )  # fmt: skip
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 if attends else 0))
        if attends:
            self.positions = nn.ParameterList(torch.randn(count, width) * 0.02 for count in (_FRAMES, _SIDE, _SIDE))
            self.places = Attention(width, heads=4, dim_head=width // 4)
            self.words = Attention(width, cross_attention_dim=_TEXT, heads=4, dim_head=width // 4)

    def forward(self, values: Tensor, condition: Tensor, words: Tensor, mask: Tensor, video: bool) -> Tensor:
        """(B, C, T, H, W), (B, embedding), (B, L, text) and (B, 1, L), 0 or -inf -> (B, C, T, H, W)."""
        batch, channels, frames, height, width = values.shape
        every = condition.repeat_interleave(frames, 0)
        values = in_pictures(lambda pictures: self.spatial(pictures, every), values)
        if video:
            values = values + self.temporal_conv(values)
        if not self.norms:
            return values
        when, row, column = self.positions
        positions = row[:, None] + column + (when[:frames, None, None] if video else 0)  # (T or 1, H, W, C)
        places = values.permute(0, 2, 3, 4, 1).reshape(batch if video else batch * frames, -1, channels)
        places = places + self.places(self.norms[0](places) + positions.flatten(0, -2))
        places = places.view(batch, -1, channels)
        places = places + self.words(self.norms[1](places), words, attention_mask=mask)
        return places.view(batch, frames, height, width, channels).permute(0, 4, 1, 2, 3)


class Plain(nn.Module):
    """The base stage of library parts: widths, blocks and all that they do as ours."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(_TEXT, 4, 4 * _TEXT, dropout=0.0, batch_first=True, norm_first=True)
        self.token = nn.Embedding(VOCABULARY, _TEXT)
        self.position = nn.Parameter(torch.randn(CONTEXT, _TEXT) * 0.02)
        self.text = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.wave, self.time = Timesteps(_EMBEDDING, True, 0), TimestepEmbedding(_EMBEDDING, _EMBEDDING)
        self.whole = nn.Linear(_TEXT, _EMBEDDING)
        self.enter, self.leave = nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 3, 3, padding=1)
        self.down, self.up = (PlainBlock(64, attends=False) for _ in range(2))
        self.middle = nn.ModuleList(PlainBlock(160, attends=True) for _ in range(3))
        self.shrink = nn.Conv2d(64, 160, 2, stride=2)
        self.grow = nn.ConvTranspose2d(160, 64, 2, stride=2)
        self.norm = nn.GroupNorm(32, 64)

    def forward(self, sample: Tensor, timestep: Tensor, tokens: Tensor, *, video: bool = True) -> Tensor:
        """As `BaseStage`."""
        words = self.text(self.token(tokens) + self.position[: tokens.shape[1]], src_key_padding_mask=tokens == 0)
        mask = torch.zeros(tokens.shape).to(words).masked_fill(tokens == 0, -torch.inf)[:, None]
        condition = self.time(self.wave(timestep)) + self.whole(words.mean(1))
        values = in_pictures(self.enter, sample)
        values = self.down(values, condition, words, mask, video)
        skipped, values = values, in_pictures(self.shrink, values)
        for block in self.middle:
            values = block(values, condition, words, mask, video)
        values = in_pictures(self.grow, values) + skipped
        values = self.up(values, condition, words, mask, video)
        said = in_pictures(self.leave, functional.silu(self.norm(values)))
        return said.float()


def in_pictures(layer: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """A 2D layer in every frame: (B, C, T, H, W) -> (B, C', T, H', W')."""
    pictures = layer(values.transpose(1, 2).flatten(0, 1))
    return pictures.unflatten(0, (len(values), values.shape[2])).transpose(1, 2)


def trainer_of(network: nn.Module, data: Captioned, steps: int, device: torch.device, *, ours: bool) -> Trainer:
    """Trains a network as the stand-in is; a plain one with kernels laid out as PyTorch makes them."""
    stand_in = T2VBase()

    def loss(running: nn.Module, generator: torch.Generator, step: int) -> Tensor:
        return stand_in.loss(running, data, generator, step / steps)

    layout = torch.channels_last if ours else torch.contiguous_format
    with patch.object(torch, "channels_last", layout):
        return Trainer(network, loss, stand_in.training, steps=steps, device=device, seed=0)


def compare(steps: int, device: torch.device) -> str:
    """Median seconds of a step of both, by what the batch holds, in turns."""
    data = captioned(_CLIPS, BASE, no_progress)
    networks = {"ours": T2VBase().network(), "plain": Plain()}
    trainers = {
        name: trainer_of(network, data, steps + WARM_UP, device, ours=name == "ours")
        for name, network in networks.items()
    }
    times: dict[tuple[str, bool], list[float]] = {(name, video): [] for name in networks for video in (True, False)}
    for step in range(steps + WARM_UP):
        video = batch_of(data, generator_of(0, step, 0), videos=1, pictures=1).video
        for name, trainer in trainers.items():
            started = time.perf_counter()
            trainer.update(step)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if step >= WARM_UP:
                times[name, video].append(time.perf_counter() - started)
    sizes = (f"{name} {sum(each.numel() for each in one.parameters()) / 1e6:.2f} M" for name, one in networks.items())
    lines = [f"parameters: {', '.join(sizes)}"]
    for video, title in ((True, "videos"), (False, "pictures")):
        ours, plain = (statistics.median(times[name, video]) for name in ("ours", "plain"))
        lines.append(f"{title:8}  ours {ours:.3f} s  plain {plain:.3f} s  {plain / ours:.2f} times as fast")
    ours, plain = (sum(sum(times[name, video]) for video in (True, False)) for name in ("ours", "plain"))
    return "\n".join([*lines, f"all steps: {plain / ours:.2f} times as fast"])


def weights_of(trained: Path | None) -> Resolved:
    """The shipped weights, or those in a folder of freshly trained stand-ins."""
    if trained is None:
        return Weights().resolve("t2v-world")
    last = find("t2v-world-spatial2")
    needed = {name: resolved(find(name), trained / name / MODEL, {}) for name in last.needs}
    return resolved(last, trained / last.name / MODEL, needed)


def draw_sheet(path: Path, cascade: Cascade, guidance_scale: float, count: int) -> None:
    """Five frames each of videos of unseen captions, the caption above."""
    prompts = [describe(spec).text for spec in specs_from(_UNSEEN, count, one_group)]
    generators = [torch.Generator().manual_seed(seed) for seed in range(count)]
    videos = cascade.generate(prompts, generators, guidance_scale=guidance_scale, progress=terminal_progress)
    figure, axes = plt.subplots(-(-count // 3), 3, figsize=(15, 1.45 * -(-count // 3)), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, prompt, video in zip(axes.flat, prompts, videos, strict=False):
        shown = to_frames(video)[:: max(1, (video.shape[1] - 1) // 4)][:5]
        axis.imshow(np.concatenate(shown, 1), interpolation="nearest")
        axis.set_title("\n".join(textwrap.wrap(prompt, 62)), fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110, bbox_inches="tight")


def latent_weights(part: str, trained: Path | None) -> Resolved:
    """`latent-world`, or the same of a folder of freshly trained stand-ins, with its autoencoder."""
    if trained is None:
        return Weights().resolve("latent-world")
    stand_in = next(one for one in STAND_INS.values() if (one.entry, one.part) == ("latent-world", part))
    needed = {name: resolved(find(name), trained / name / MODEL, {}) for name in stand_in.needs}
    return resolved(stand_in, trained / stand_in.name / MODEL, needed)


def draw_pictures(path: Path, trained: Path | None, guidance_scale: float, count: int, device: torch.device) -> None:
    """What the latent diffusion models make of unseen worlds: a row each, the caption above."""
    specs = specs_from(_UNSEEN, count, one_group)
    prompts = [describe(spec, leave=MOTION).text for spec in specs]
    seen = world_pictures(specs)
    frames, depths = seen.frames[:, 0], grey(seen.depths[:, 0])
    text = TextModel(latent_weights("depth_text", trained), device=device)
    told = text.encode_prompt(prompts, latents_of(text.autoencoder, depths))
    columns = {"a world": frames}
    if "image" in (weights := latent_weights("image", trained)).parts:
        image = ImageModel(weights, device=device)
        content = image.condition(raw_images(clip_world(device), frames))
        columns["of its embedding"] = generated(image, content, guidance_scale)
    columns |= {
        "its depth": depths,
        "of caption and depth": generated(text, told, guidance_scale),
        "of the caption": generated(text, text.encode_prompt(prompts), guidance_scale),
    }
    figure, axes = plt.subplots(-(-count // 2), 2, figsize=(14, 1.75 * -(-count // 2)), squeeze=False)
    figure.suptitle(", ".join(columns), fontsize=9)
    for axis in axes.flat:
        axis.axis("off")
    for axis, prompt, *shown in zip(axes.flat, prompts, *columns.values(), strict=False):
        axis.imshow(np.concatenate(shown, 1), interpolation="nearest")
        axis.set_title("\n".join(textwrap.wrap(prompt, 90)), fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    steps = commands.add_parser("steps")
    steps.add_argument("--steps", type=int, default=40)
    steps.add_argument("--threads", type=int)
    sheet = commands.add_parser("sheet")
    pictures = commands.add_parser("pictures")
    for command, count in ((sheet, 24), (pictures, 16)):
        command.add_argument("out", type=Path)
        command.add_argument("--trained", type=Path)
        command.add_argument("--guidance-scale", type=float, default=3.0)
        command.add_argument("--count", type=int, default=count)
    for command in (steps, sheet, pictures):
        command.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    if arguments.command == "sheet":
        cascade = Cascade.load(weights_of(arguments.trained), device=device)
        draw_sheet(arguments.out, cascade, arguments.guidance_scale, arguments.count)
        return
    if arguments.command == "pictures":
        draw_pictures(arguments.out, arguments.trained, arguments.guidance_scale, arguments.count, device)
        return
    if any(os.environ.get(name) != value for name, value in MALLOC.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **MALLOC})  # read when a process starts
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(compare(arguments.steps, device))


if __name__ == "__main__":
    main()
