"""The edit of the first frame, and the training of the translator on patches of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from onereel.methods.base import Inputs, Job
from onereel.methods.ivs.config import IVSConfig
from onereel.methods.ivs.translator import Translator, carried
from onereel.methods.sdedit.editing import Editing
from onereel.training.loop import train
from onereel.training.trainer import Trainer
from onereel.video.clip import Clip

_SMALL = 0.2  # of colours in [-1, 1]: errors below it count squared


def fit(inputs: Inputs, config: IVSConfig, job: Job) -> Mapping[str, Tensor]:
    """Edit the first frame and train a translator from it to its edit; return the translator's weights.

    Args:
        inputs: with clip and prompt.
        config: settings.
        job: its seed draws the edit's noise, the spots and the patches.
    """
    first = Editing(replace(inputs, clip=Clip(inputs.clip.frames[:1], inputs.clip.fps)), config, job)
    with torch.no_grad():
        edited = first.decode(first.all_renewed(torch.Generator().manual_seed(job.seed), config.strength))
    return learned(first.pictures, edited, config, job)


def learned(source: Tensor, edited: Tensor, config: IVSConfig, job: Job) -> Mapping[str, Tensor]:
    """A translator of pictures that look like a source into what looks like its edit.

    Args:
        source, edited: (1, 3, h, w) in [-1, 1].
        config: settings.
        job: with seed and folder.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)  # initial weights; PyTorch's initialisers know no generator
        network = Translator(config.channels, config.blocks, config.gaussians)
    height, width = source.shape[2:]
    spots = network.spots(carried(torch.zeros(0, height, width, 2)), config.spread)
    known = [source, edited] if spots is None else [source, edited, spots.to(source.device)]
    pair = torch.cat(known, 1)[0]  # (6 or 9, h, w): what is cut together

    def loss(translator: nn.Module, generator: torch.Generator, step: int) -> Tensor:
        cut = patches(pair, config.patch, config.training.batch, generator)
        said = translator(cut[:, :3], None if spots is None else cut[:, 6:])
        return distance(said, cut[:, 3:6], config.edges)

    trainer = Trainer(network, loss, config.training, steps=config.steps, device=job.device, seed=job.seed)
    train(
        trainer,
        steps=config.steps,
        workdir=job.workdir,
        progress=job.progress,
        label="ivs translator",
        evaluate=lambda *_: {"psnr": _psnr(trainer, pair, spots is not None)},
    )
    return trainer.result()


def patches(pair: Tensor, side: int, count: int, generator: torch.Generator) -> Tensor:
    """Random patches (count, C, side, side) of pictures (C, h, w) that lie over each other; sides no longer than
    theirs."""
    height, width = pair.shape[1:]
    tall, wide = min(side, height), min(side, width)
    found = []
    for _ in range(count):
        top, left = (
            int(torch.randint(length - own + 1, (), generator=generator))
            for length, own in ((height, tall), (width, wide))
        )
        found.append(pair[:, top : top + tall, left : left + wide])
    return torch.stack(found)


def distance(said: Tensor, wanted: Tensor, edges: float) -> Tensor:
    """Absolute error of pixels, and of differences between neighbours, which keeps it sharp; squared where it is small,
    or what is right already would hold all else where it is, since most of a frame stays as it was in most edits."""
    missed = said.float() - wanted
    total = _absolute(missed)
    if edges:
        total = total + edges * (_absolute(missed.diff(dim=2)) + _absolute(missed.diff(dim=3)))
    return total


def _absolute(error: Tensor) -> Tensor:
    return functional.huber_loss(error, torch.zeros_like(error), delta=_SMALL) / _SMALL


def _psnr(trainer: Trainer, pair: Tensor, spotted: bool) -> float:
    """Of the whole first frame, dB."""
    with trainer.evaluated() as network:
        whole = pair[None]
        said: Any = network(whole[:, :3], whole[:, 6:] if spotted else None)
        error = functional.mse_loss(said.float().clamp(-1, 1), whole[:, 3:6]).clamp(min=1e-10)
    return float(10 * torch.log10(4 / error))
