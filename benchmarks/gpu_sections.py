"""What `gpu.py` measures: each section yields rows."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import torch
from torch import nn

from onereel.base import tensorfiles
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.nnf import Engine, SearchConfig, search
from onereel.scenes import render
from onereel.training import trainer as training
from onereel.training.settings import TrainingConfig
from onereel.training.trainer import Trainer
from onereel.video.clip import Clip, to_frames, to_video
from onereel.video.pyramid import resize

if TYPE_CHECKING:
    from onereel.backbones.cascade.pipeline import Cascade
    from onereel.diffusion.process import Process
    from onereel.methods.gen1.training import Batch

PRECISIONS = {"default": "float32", "bfloat16": "bfloat16"}
"""Of training steps, by variant."""
_RENDERED = 144  # rows


@dataclass(frozen=True)
class Row:
    """One measurement, or what became of a section."""

    section: str
    what: str
    variant: str = ""
    seconds: float | None = None
    memory_mb: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Section:
    """Attributes:
    name: of its rows.
    measure: given the device and whether sizes are small, yields rows.
    seconds: the most that it may take.
    needs: packages besides those that `gpu.py` itself needs.
    """

    name: str
    measure: Callable[[torch.device, bool], Iterator[Row]]
    seconds: float
    needs: tuple[str, ...] = ()


def timed(work: Callable[[], object], device: torch.device, count: int = 3, *, warm: int = 1) -> dict[str, Any]:
    """Median seconds of `count` runs after `warm` others, and the GPU's peak memory (MiB) in all of them.

    On a CPU, which is there to try the script, one run.
    """
    seconds = []
    if device.type == "cpu":
        count, warm = 1, 0
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    for _ in range(warm + count):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None
    return {"seconds": statistics.median(seconds[warm:]), "memory_mb": peak}


def scene(frames: int, height: int, width: int) -> Clip:
    """A clip of balloons; a large one is a small one enlarged, which is made sooner and is as much work to search."""
    size = (min(height, _RENDERED), round(width * min(1, _RENDERED / height)))
    frames_of = render("balloons", frames=frames, height=size[0], width=size[1]).frames
    if size != (height, width):
        frames_of = to_frames(resize(to_video(frames_of), (frames, height, width)))
    return Clip(frames_of)


def vgpnn(device: torch.device, toy: bool) -> Iterator[Row]:
    """The engines side by side in one search, then whole samples, which compile what is left to compile first."""
    size, large = ((4, 24, 32), (4, 32, 48)) if toy else ((13, 144, 256), (13, 1080, 1920))
    video = to_video(scene(*size).frames).to(device)
    engines: tuple[Engine, ...] = ("triton", "torch") if device.type == "cuda" else ("numba", "torch")
    found: dict[str, torch.Tensor] = {}

    def one_search(engine: Engine) -> None:
        drawn, config = torch.Generator().manual_seed(0), SearchConfig(sweeps=4)
        found[engine] = search(video, video.flip(1), method=config, generator=drawn, engine=engine).index

    for engine in engines:
        taken = timed(partial(one_search, engine), device)
        same = (found[engine] == found[engines[0]]).double().mean().item()
        yield Row("vgpnn", f"a search of 4 sweeps, {_by(size)}", engine, **taken, note=f"{same:.3%} as {engines[0]}")
    method = load_method("vgpnn")
    for shape, presets in ((size, ("fast", "paper")), (large, ("fast",))):
        inputs = Inputs(scene(*shape))
        for preset in ("demo",) if toy else presets:
            draw = partial(method.sample, Task.GENERATE, inputs, configure(method, preset), 0, Job(device))
            yield Row("vgpnn", f"a sample, {_by(shape)}", preset, **timed(draw, device, 1, warm=int(shape == size)))


def _by(size: tuple[int, ...]) -> str:
    return "x".join(map(str, size))


def gans(device: torch.device, toy: bool) -> Iterator[Row]:
    """Steps of coarse and fine levels, as PyTorch runs them by default and as we do."""
    import gan

    builders, tops = {}, {}
    for name in ("singan_gif", "singan"):
        config = configure(load_method(name), "demo" if toy else "paper")
        builders[name] = partial(gan.pyramid_level, config)
        tops[name] = len(config.ladder.sizes(64, 114)) - 1
    if not toy:  # of this one there is the published size alone
        builders["hp_vae_gan"], tops["hp_vae_gan"] = gan.hp_level, max(gan.AUTHORS)
    for name, build in builders.items():
        for level in (0,) if toy else (0, tops[name] // 2, tops[name]):
            for variant, precision in PRECISIONS.items():
                with gan.plain() if variant == "default" else ExitStack():
                    built, size = build(level, precision, False, device)
                    taken = timed(_stepping(built.update), device)
                yield Row("gans", f"a step, {name}, level {level}, {_by(size)}", variant, **taken)
                del built


def _stepping(update: Callable[[int], object]) -> Callable[[], object]:
    """A step that goes on where the one before ended."""
    steps = iter(range(10**9))
    return lambda: update(next(steps))


def sinfusion(device: torch.device, toy: bool) -> Iterator[Row]:
    """Steps of its two networks at the authors' crops, compiled, too."""
    import sinfusion as steps

    crops = {"projector": (16, 16), "predictor": (16, 24)} if toy else steps.CROPS
    variants = [("default", False, "float32", False), ("bfloat16", True, "bfloat16", False)]
    if device.type == "cuda":
        variants.append(("bfloat16, compiled", True, "bfloat16", True))
    with patch.object(steps, "CROPS", crops):
        for part, crop in crops.items():
            for variant, ours, precision, compiled in variants:
                if device.type == "cuda":
                    torch.cuda.reset_peak_memory_stats(device)
                seconds = steps.step_seconds(
                    part, ours=ours, precision=precision, compiled=compiled, count=1 if toy else 5, device=device
                )
                peak = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None
                yield Row("sinfusion", f"a step, {part}, {_by(crop)}", variant, seconds, peak)


def translator(device: torch.device, toy: bool) -> Iterator[Row]:
    """Steps of IVS's translator."""
    from onereel.methods.ivs.config import IVSConfig
    from onereel.methods.ivs.fit import distance, patches
    from onereel.methods.ivs.translator import Translator

    config = IVSConfig()
    pair = torch.rand(6, 36, 48, device=device) * 2 - 1

    def loss(network: nn.Module, generator: torch.Generator, step: int) -> torch.Tensor:
        cut = patches(pair, config.patch, 2 if toy else config.training.batch, generator)
        return distance(network(cut[:, :3], None), cut[:, 3:], config.edges)

    new = partial(Translator, config.channels, config.blocks, 0)
    yield from _trainer_steps("ivs", f"translator, {config.training.batch} patches", new, loss, device)


def _trainer_steps(
    section: str, what: str, new: Callable[[], nn.Module], loss: training.Loss, device: torch.device
) -> Iterator[Row]:
    """A row for each of `PRECISIONS`."""
    for variant, precision in PRECISIONS.items():
        with ExitStack() as changes:
            if variant == "default":
                changes.enter_context(patch.object(training, "channels_last", lambda network: network))
            config = TrainingConfig(precision=precision)
            trainer = Trainer(new().requires_grad_(True).train(), loss, config, steps=100, device=device, seed=0)
            yield Row(section, f"a step, {what}", variant, **timed(_stepping(trainer.update), device, warm=2))
            del trainer


def dreamix(device: torch.device, toy: bool) -> Iterator[Row]:
    """Steps of fine-tuning of the cascade's stages, and an edit."""
    from onereel.methods.dreamix.cascade import CascadeEditor
    from onereel.methods.dreamix.fit import footage, mixed_loss

    config = configure(load_method("dreamix"), "demo" if toy else "fast")
    model = _cascade(device, toy)
    editor = CascadeEditor(model, config)
    clip = scene(editor.native.frames, editor.native.height, editor.native.width)
    seen = footage(Inputs(clip), editor)
    for stage in editor.stages[:1] if toy else editor.stages:
        material = editor.material(stage, seen)
        network = editor.network(stage)
        loss = mixed_loss(editor, stage, material, 0.65)
        yield from _trainer_steps(
            "dreamix", f"{stage}, {_by(material.window)}", partial(_itself, network), loss, device
        )
    for module in (model.base, *model.later.values()):
        module.eval().requires_grad_(False)
    edit = partial(editor.edit, seen.video, "a red ball", 0.95, torch.Generator().manual_seed(0))
    what = f"an edit, {_by(clip.size)}, {config.num_inference_steps} steps of the base"
    yield Row("dreamix", what, "ours", **timed(edit, device, 1))


def _cascade(device: torch.device, toy: bool) -> "Cascade":
    """One that was never trained, of the shipped one's size."""
    from onereel.backbones.cascade.network import StageNetwork
    from onereel.backbones.cascade.pipeline import Cascade
    from onereel.backbones.cascade.stages import LATER, BaseStage, LaterStage

    small: dict[str, Any] = {"widths": (8, 16), "blocks": (1, 1), "heads": 2} if toy else {}
    base, later = BaseStage(), {part: replace(stage.network, **small) for part, stage in LATER.items()}
    if toy:
        base.unet = StageNetwork(replace(base.unet.config, **small))
    return Cascade(base, {part: LaterStage(network) for part, network in later.items()}, device=device)


def _itself(network: nn.Module) -> nn.Module:
    return network


_STABLE_DIFFUSION: Mapping[str, Any] = {
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
"""The U-Net of Stable Diffusion 1.5; all else is the class's default."""
_TOY: Mapping[str, Any] = {
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "cross_attention_dim": 16,
    "attention_head_dim": 2,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}


def gen1(device: torch.device, toy: bool) -> Iterator[Row]:
    """Steps of the video model and passes of a guided edit, at the size of the shipped model and of the paper's."""
    from onereel.backbones.latent import IMAGE_UNET, PROCESS, new_autoencoder
    from onereel.backbones.video_unet import new_video_unet
    from onereel.diffusion.process import Process
    from onereel.methods.gen1.model import Gen1Model, Guidance, input_channels
    from onereel.methods.gen1.training import Batch

    sizes: dict[str, tuple[Mapping[str, Any], int, int, int]] = {"toy": (_TOY, 2, 8, 8)}
    if not toy:
        sizes = {"shipped": (IMAGE_UNET, 16, 16, 16), "as Stable Diffusion": (_STABLE_DIFFUSION, 8, 40, 64)}
    for name, (shape, frames, height, width) in sizes.items():
        dimension, channels = shape["cross_attention_dim"], input_channels()
        new = partial(new_video_unet, shape, in_channels=channels, frames=frames)
        clean, content = torch.randn(1, 4, frames, height, width), torch.randn(1, 1, dimension)
        batch = Batch(clean, content, None, torch.zeros(1, dtype=torch.long)).to(device)
        structure = torch.randn(1, channels - 4, frames, height, width, device=device)
        loss = partial(_gen1_loss, batch, structure, Process(PROCESS))
        what = f"{name}, {frames} frames, latents {height}x{width}"
        yield from _trainer_steps("gen1", what, new, loss, device)
        network = new().requires_grad_(False).eval().to(device)
        model = Gen1Model(network, new_autoencoder(1.0).requires_grad_(False).to(device))
        guided = model.guided(content[0], torch.zeros(1, dimension), structure, Guidance(3, 1.5))
        with torch.no_grad():
            taken = timed(partial(guided, clean.to(device), 500), device)
        yield Row("gen1", f"a guided pass of an edit, {what}", "ours", **taken)


def _gen1_loss(
    batch: "Batch",
    structure: torch.Tensor,
    process: "Process",
    network: nn.Module,
    generator: torch.Generator,
    step: int,
) -> torch.Tensor:
    from onereel.methods.gen1.training import denoising_loss

    return denoising_loss(network, batch, structure, process, generator, video=True)


def sampling(device: torch.device, toy: bool) -> Iterator[Row]:
    """Samples of trained methods, after a step of every part: how long a sample takes, not how it looks."""
    steps: dict[str, dict[str, Any]] = {
        "singan_gif": {"steps": [1]},
        "hp_vae_gan": {"steps": [1]},
        "sinfusion": {"predictor.steps": 1, "projector.steps": 1},
    }
    size = (8, 24, 32) if toy else (13, 144, 256)
    clip = scene(*size)
    for name, settings in list(steps.items())[: 1 if toy else None]:
        method = load_method(name)
        config = configure(method, "demo" if toy else "paper", settings)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            models = _fitted(method, config, Inputs(clip), device, Path(folder))
            note = f"{time.perf_counter() - start:.1f} s to set up and take one step of every level"
            job = Job(device, models=models)
            draw = partial(method.sample, Task.GENERATE, Inputs(clip), config, 0, job)
            yield Row("sampling", f"a sample, {name}, {_by(size)}", "", **timed(draw, device, 1), note=note)


def _fitted(method: Any, config: Any, inputs: Inputs, device: torch.device, folder: Path) -> dict[str, Path]:
    """Files of the parts that `generate` needs."""
    parts, files = method.parts(Task.GENERATE, config), {}
    for part in TopologicalSorter({name: each.needs for name, each in parts.items()}).static_order():
        (folder / part).mkdir()
        job = Job(device, models=files, workdir=folder / part)
        state = method.fit(part, inputs.only(parts[part].reads), config, job)
        tensorfiles.save(folder / f"{part}.safetensors", state)
        files[part] = folder / f"{part}.safetensors"
    return files


SECTIONS = (
    Section("vgpnn", vgpnn, 120),
    Section("gans", gans, 90),
    Section("sinfusion", sinfusion, 90, ("matplotlib",)),
    Section("ivs", translator, 20),
    Section("dreamix", dreamix, 80, ("diffusers",)),
    Section("gen1", gen1, 80, ("diffusers",)),
    Section("sampling", sampling, 60),
)
"""In the order of what is wanted most; all together take no more than nine minutes."""
