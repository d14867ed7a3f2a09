"""Gen-1 on anybody's footage: the sheet, shards, stages; tiny random networks."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from onereel.backbones import latent
from onereel.base.errors import ConfigError, MethodError
from onereel.jobs.fitting import train_parts
from onereel.methods import Inputs, Job, Task, configure
from onereel.methods.gen1 import STAGES, footage, loading
from onereel.methods.gen1.config import FootageConfig, Gen1Config
from onereel.methods.gen1.sheet import of_shard, read_footage, shard_names
from onereel.video.clip import Clip, write
from onereel.weights.store import Weights
from tests.unit.gen1_models import UNET, narrow
from tests.unit.test_gen1 import CPU, METHOD, autoencoder, clip_of, stored, with_depth

SMALL = FootageConfig(
    steps=(1, 2, 1, 1), picture_batch=2, video_batch=2, frames=3, stride=4, buckets=((64, 64), (96, 64)),
    video_bucket=(96, 64), per_shard=2,
)  # fmt: skip


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    narrow(monkeypatch)


@pytest.fixture
def own(tmp_path: Path) -> Gen1Config:
    """Three videos, one of them too short, and two pictures."""
    for name, count in (("a", 20), ("short", 8), ("b", 9)):
        frames = np.zeros((count, 32, 64, 3), np.uint8)
        frames += np.arange(count, dtype=np.uint8)[:, None, None, None] * 10
        write(tmp_path / f"{name}.mkv", Clip(frames))
    (tmp_path / "photos").mkdir()
    for name, size in (("tall", (40, 50)), ("wide", (90, 60))):
        Image.new("RGB", size, (200, 30, 40)).save(tmp_path / f"photos/{name}.png")
    lines = ["source", *(str(tmp_path / name) for name in ("a.mkv", "short.mkv", "photos", "b.mkv"))]
    (tmp_path / "footage.tsv").write_text("\n".join(lines) + "\n")
    settings = {"model": "footage", "image_model": "latent-world", "clip": "clip-world", "prior": "prior-world"}
    footage_settings = {**SMALL.model_dump(), "sheet": str(tmp_path / "footage.tsv")}
    sampling = {"side": 64, "tile": 96, "window": 3, "stride": 1, "num_inference_steps": 2}
    config = configure(METHOD, "paper", {**settings, **sampling, "footage": footage_settings})
    assert isinstance(config, Gen1Config)
    return config


def job_of(folder: Path) -> Job:
    torch.manual_seed(0)
    vae = {**autoencoder().state_dict(), latent.SCALING: torch.tensor(2.0, dtype=torch.float64)}
    image = stored(folder / "image", "latent-world", {"vae": vae, "image": latent.new_unet(UNET).state_dict()})
    found = {name: Weights().resolve(name) for name in ("clip-world", "dpt-world")}
    return Job(CPU, backbones={"latent-world": image, **found, "depth": found["dpt-world"]}, workdir=folder)


def test_the_sheet_is_read_and_its_mistakes_are_named(tmp_path: Path, own: Gen1Config) -> None:
    assert [source.path.name for source in read_footage(own.footage.sheet)] == ["a.mkv", "short.mkv", "photos", "b.mkv"]
    first, second = shard_names(own.footage)
    assert first.startswith("footage_000_")
    assert [source.path.name for source in of_shard(second, own.footage)] == ["photos", "b.mkv"]
    (tmp_path / "photos/more.png").write_bytes(b"more")
    assert shard_names(own.footage)[0] == first
    assert shard_names(own.footage)[1] != second, "other footage is another shard"
    sheet = tmp_path / "other.tsv"
    for line, problem in (("gone.mp4", "line 2: there is no 'gone.mp4'"), (f"{sheet}\n{sheet}", "line 3: .*twice")):
        sheet.write_text(f"source\n{line}\n")
        with pytest.raises(ConfigError, match=problem):
            read_footage(sheet)
    assert read_footage("config/footage.tsv") == []
    empty = configure(METHOD, "paper")
    with pytest.raises(MethodError, match=r"'config/footage\.tsv': holds no footage"):
        METHOD.check(Task.EDIT_STRUCTURE, Inputs(clip_of(), prompt="a"), empty, Job(CPU))


def test_parts_are_shards_and_stages_that_read_no_clip(own: Gen1Config) -> None:
    parts = METHOD.parts(Task.EDIT_STRUCTURE, own)
    shards = shard_names(own.footage)
    assert len(shards) == 2
    assert list(parts) == [*shards, *STAGES]
    assert all("clip" not in part.reads for part in parts.values())
    assert parts["stage1"].needs == shards
    assert parts["stage4"].needs == (*shards, "stage3")
    assert METHOD.parts(Task.EDIT_MASKED, own) == parts


def test_the_paper_preset_is_as_published() -> None:
    own = configure(METHOD, "paper").footage  # type: ignore[attr-defined]
    assert own == FootageConfig(accumulate=1152), "one video at a time fits into a GPU"
    assert own.steps == (15_000, 75_000, 25_000, 10_000)
    assert (own.picture_batch, own.video_batch, own.picture_share, own.frames, own.stride) == (9216, 1152, 0.125, 8, 4)
    assert len(own.buckets) == 5


def test_windows_are_frames_a_stride_apart_and_what_is_too_short_is_named(
    own: Gen1Config, caplog: pytest.LogCaptureFixture
) -> None:
    first, short, photos, _ = read_footage(own.footage.sheet)
    seen = list(footage._windows(first, own.footage))
    assert [key for key, _ in seen] == ["video.96x64"] * 2
    assert [[int(frame[5, 5, 0]) for frame in frames] for _, frames in seen] == [[0, 40, 80], [90, 130, 170]]
    assert seen[0][1].shape == (3, 64, 96, 3)
    with caplog.at_level(logging.WARNING):
        assert list(footage._windows(short, own.footage)) == []
    assert "line 3: " in caplog.text
    assert "has 8 frames, 9 are needed: left out" in caplog.text
    assert [key for key, _ in footage._windows(photos, own.footage)] == ["picture.64x64", "picture.96x64"]


def test_pictures_are_cut_at_the_centre_and_not_squeezed() -> None:
    picture = np.zeros((1, 30, 90, 3), np.uint8)
    picture[:, :, 30:60] = 255
    found = footage.fitted(picture, (64, 64))
    assert found.shape == (1, 64, 64, 3)
    assert found[0, :, 2:-2].min() > 240
    buckets = FootageConfig().buckets
    sizes = ((100, 100), (720, 1280), (1280, 720), (90, 110))
    assert [footage.bucket_of(size, buckets) for size in sizes] == [(320, 320), (448, 256), (256, 448), (384, 320)]


def test_the_stages_are_trained_one_after_the_other_and_edit(tmp_path: Path, own: Gen1Config, monkeypatch: Any) -> None:
    seen = []
    original = footage.denoising_loss

    def watched(network, batch, structure, process, generator, *, video):
        seen.append((network.in_channels, tuple(batch.clean.shape[:3]), structure is not None, video))
        assert video or batch.clean.shape[2] == 1
        return original(network, batch, structure, process, generator, video=video)

    monkeypatch.setattr(footage, "denoising_loss", watched)
    inputs = replace(with_depth(clip_of((4, 32, 48)), tmp_path), clips={"content": clip_of(seed=2)})
    job = job_of(tmp_path)
    files = train_parts(METHOD, Task.EDIT_STRUCTURE, inputs, own, job, tmp_path / "models")
    shard = load_file(files[shard_names(own.footage)[0]])
    assert {name.rpartition(".")[0] for name in shard} == {"video.96x64"}
    assert shard["video.96x64.latents"].shape == (2, 3, 4, 16, 24)
    assert shard["video.96x64.signals"].dtype == torch.uint8
    assert next(kind for _, _, _, kind in seen) is False, "stage 1 knows no time"
    assert [(channels, structured) for channels, _, structured, _ in seen] == [
        (4, False), (4, False), (4, False), (12, True), (12, True),
    ]  # fmt: skip
    states = [load_file(files[stage]) for stage in STAGES]
    image = latent.new_unet(UNET).state_dict()
    assert {name.removeprefix("unet.") for name in states[0] if name.startswith("unet.")} == set(image)
    temporal = [name for name in states[0] if name.endswith("conv1.conv.weight")]
    assert not any(states[0][name].any() for name in temporal)
    prior = stored(tmp_path / "prior", "prior-world", {"model": {}})
    sampling = replace(job, models=files, backbones={**job.backbones, "prior-world": prior})
    (frames,) = METHOD.sample_many(Task.EDIT_STRUCTURE, inputs, own, [0], sampling)
    assert frames.shape == inputs.clip.frames.shape


def test_pictures_alone_teach_no_motion(tmp_path: Path) -> None:
    from onereel.base import tensorfiles

    sizes = {"latents": (4, 8, 8), "embeddings": (256,), "signals": (32, 32)}
    field = {name: torch.zeros(2, 1, *size) for name, size in sizes.items()}
    tensorfiles.save(tmp_path / "a.safetensors", {f"picture.32x32.{name}": value for name, value in field.items()})
    with pytest.raises(MethodError, match="holds no videos"):
        footage.read_shards([tmp_path / "a.safetensors"])
    tensorfiles.save(tmp_path / "b.safetensors", {f"video.32x32.{name}": value for name, value in field.items()})
    pools = footage.read_shards([tmp_path / "b.safetensors"])
    assert pools["picture"] is pools["video"], "frames of videos are pictures, too"


def test_loading_needs_an_image_model() -> None:
    from onereel.base.errors import WeightsError

    with pytest.raises(WeightsError, match="no image model that takes temporal layers"):
        loading.image_model_of(Weights().resolve("clip-world"))
