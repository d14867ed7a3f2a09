"""SinFusion's speed, and how long samples hold: `steps` times training steps, `quality` compares what equal times of
training reach, `drift` measures samples frame by frame.

    python benchmarks/sinfusion.py steps
    python benchmarks/sinfusion.py quality CLIP.mkv --seconds 300
    python benchmarks/sinfusion.py drift CLIP.mkv docs/sinfusion_drift.png "with projector=a.mkv" "without=b.mkv"

`steps` compares, in one run on the same crops, our training step with the same network as PyTorch runs it by default:
channels first, float32, autograd's own gradient of depthwise convolutions, batch 1, which is how the authors train. The
authors' code itself takes 2.64 s (image, projector: 136x136) and 4.71 s (predictor: 136x243) a step on two cores of
another machine. `quality` trains the predictor for equal times with the paper's settings as PyTorch runs them by
default, with the paper's settings as we run them, and with the preset `fast`, and prints the PSNR of denoising noise
that training never draws. `drift` takes the SGFID of every frame against the whole input, which the projector is to
keep bounded (SinFusion, section 5).
"""

import argparse
import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn import functional

from onereel.base.devices import resolve_device
from onereel.base.progress import no_progress
from onereel.methods import configure, load_method
from onereel.methods.sinfusion import network as networks
from onereel.methods.sinfusion.config import SinFusionConfig
from onereel.methods.sinfusion.fit import fit
from onereel.methods.sinfusion.models import CONDITIONS, Denoiser, Noisy
from onereel.metrics.align import resize_frames
from onereel.metrics.base import Context
from onereel.metrics.registry import REGISTRY
from onereel.training.loop import CURVES
from onereel.training.settings import TrainingConfig
from onereel.training.trainer import Trainer
from onereel.video import clip
from onereel.video.clip import Frames

_TRIAL = 40  # steps that tell how many fit into the time
CROPS = {"projector": (136, 136), "predictor": (136, 243)}


def step_seconds(part: str, *, ours: bool, precision: str, compiled: bool, count: int, device: torch.device) -> float:
    """Median seconds of a training step at the authors' crop."""
    height, width = CROPS[part]
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(1, 3, height, width, generator=generator) * 2 - 1
    given = clean.repeat(1, CONDITIONS[part], 1, 1).to(device) if CONDITIONS[part] else None
    shift = torch.ones(1, device=device) if part == "predictor" else None
    noisy = Noisy(clean.to(device), torch.ones(1, device=device), torch.ones(1, device=device), given, shift)

    def loss(model, *_):
        return functional.mse_loss(model(noisy)[0], clean.to(device))

    with ExitStack() as changes:
        if not ours:
            changes.enter_context(patch.object(networks, "depthwise", lambda pictures, layer: layer(pictures)))
            changes.enter_context(patch.object(torch, "channels_last", torch.contiguous_format))
        config = TrainingConfig(precision=precision, compile=compiled)
        trainer = Trainer(Denoiser(SinFusionConfig(), part), loss, config, steps=count, device=device, seed=0)
        for step in range(2):
            trainer.update(step)
        times = [_timed(lambda step=step: trainer.update(step), device) for step in range(count)]
    return statistics.median(times)


def _timed(work, device: torch.device) -> float:
    start = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def steps(device: torch.device, count: int) -> None:
    """Print seconds a step and their ratio to PyTorch's default."""
    for part in CROPS:
        plain = step_seconds(part, ours=False, precision="float32", compiled=False, count=count, device=device)
        print(f"{part:10} {'x'.join(map(str, CROPS[part]))} default float32   {plain:6.3f} s")
        for precision in ("float32", "bfloat16"):
            for compiled in (False, True) if device.type == "cuda" else (False,):
                own = step_seconds(part, ours=True, precision=precision, compiled=compiled, count=count, device=device)
                name = f"ours {precision}{' compiled' if compiled else ''}"
                print(f"{part:10} {'x'.join(map(str, CROPS[part]))} {name:17} {own:6.3f} s  x{plain / own:.2f}")


def quality(frames: Frames, seconds: float, device: torch.device) -> None:
    """Print the held-out PSNR of the predictor after equal times of training."""
    method = load_method("sinfusion")
    for name, preset, ours in (
        ("paper, default", "paper", False),
        ("paper, ours", "paper", True),
        ("fast", "fast", True),
    ):
        config = configure(method, preset, {} if ours else {"training": {"precision": "float32"}})
        with ExitStack() as changes, TemporaryDirectory() as folder:
            if not ours:
                changes.enter_context(patch.object(networks, "depthwise", lambda pictures, layer: layer(pictures)))
                changes.enter_context(patch.object(torch, "channels_last", torch.contiguous_format))
            trial = _trained(frames, _predicting(config, _TRIAL), Path(folder) / "trial", device)
            steps = round(seconds / float(trial["seconds"]) * _TRIAL)
            row = _trained(frames, _predicting(config, steps), Path(folder) / "whole", device)
        print(f"{name:15} {row['step']:>6} steps, {row['seconds']:>7} s: {float(row['psnr']):.2f} dB", flush=True)


def _trained(frames: Frames, config: SinFusionConfig, workdir: Path, device: torch.device) -> dict[str, str]:
    """The last row of the predictor's curves; its seconds leave out the measuring."""
    fit("predictor", frames, config, workdir=workdir, device=device, seed=0, progress=no_progress)
    head, *_, last = (line.split("\t") for line in (workdir / CURVES).read_text().splitlines())
    return dict(zip(head, last, strict=True))


def _predicting(config: SinFusionConfig, steps: int) -> SinFusionConfig:
    """The settings with that many steps of the predictor."""
    return config.model_copy(update={"predictor": config.predictor.model_copy(update={"steps": steps})})


def drift(reference: Frames, samples: dict[str, Frames], out: Path) -> None:
    """Plot the SGFID of every frame of every sample against the input, and print its course."""
    metric, context = REGISTRY["sgfid"], Context()
    own = [metric.measure(reference, [frame[None]], context) for frame in reference]
    figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
    axes.axhspan(min(own), max(own), color="0.85", label="frames of the input")
    for name, frames in samples.items():
        values = [metric.measure(reference, [frame[None]], context) for frame in frames]
        quarters = [float(np.mean(part)) for part in np.array_split(values, 4)]
        print(f"{name}: mean of each quarter {', '.join(f'{value:.4f}' for value in quarters)}")
        axes.plot(values, label=name)
    resolved = context.resolve("inception")
    axes.set(xlabel="frame", ylabel=f"SGFID to the input\n({resolved.name})", yscale="log")
    axes.legend(frameon=False, fontsize="small")
    figure.savefig(out, dpi=110)
    print(f"input's own frames: {min(own):.4f} to {max(own):.4f}; {out}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    timing = commands.add_parser("steps")
    timing.add_argument("--device", default="auto")
    timing.add_argument("--count", type=int, default=5)
    comparing = commands.add_parser("quality")
    comparing.add_argument("clip", type=Path)
    comparing.add_argument("--seconds", type=float, default=300)
    comparing.add_argument("--device", default="auto")
    drifting = commands.add_parser("drift")
    drifting.add_argument("clip", type=Path)
    drifting.add_argument("out", type=Path)
    drifting.add_argument("samples", nargs="+", metavar="LABEL=SAMPLE.mkv")
    arguments = parser.parse_args()
    if arguments.command == "steps":
        steps(resolve_device(arguments.device), arguments.count)
        return
    if arguments.command == "quality":
        quality(clip.read(arguments.clip).frames, arguments.seconds, resolve_device(arguments.device))
        return
    named = dict(sample.rsplit("=", 1) for sample in arguments.samples)
    reference = clip.read(arguments.clip)
    # Other people's samples are larger or smaller: SGFID compares pictures of one size.
    size = reference.size[1:]
    drift(
        reference.frames,
        {name: resize_frames(clip.read(path).frames, *size) for name, path in named.items()},
        arguments.out,
    )


if __name__ == "__main__":
    main()
