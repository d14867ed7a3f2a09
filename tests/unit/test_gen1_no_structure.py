"""Gen-1 without structure: SDEdit on the video model of stage 2; tiny random networks of the shipped classes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from onereel.backbones import latent
from onereel.base.errors import ConfigError, MethodError, WeightsError
from onereel.diffusion.samplers import timesteps_of
from onereel.jobs.sampling import check_run
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.gen1.model import Gen1Model
from onereel.methods.gen1_no_structure.editing import edited, load_editor
from onereel.video.clip import Clip, to_frames, to_video
from onereel.weights.store import Weights
from tests.unit import frame_editors as tools
from tests.unit.gen1_models import autoencoder, moving, narrow, network_of, prior_tensors, stored
from tests.unit.tiny_backbones import tiny as tiny_backbone

METHOD = load_method("gen1_no_structure")


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    narrow(monkeypatch)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    image = {**autoencoder().state_dict(), latent.SCALING: torch.tensor(2.0, dtype=torch.float64)}
    networks = {"video": moving(network_of(4)).state_dict(), "structure": moving(network_of(12, seed=3)).state_dict()}
    return Job(
        tools.CPU,
        backbones={
            "gen1-world": stored(tmp_path / "video", "gen1-world", networks),
            "latent-world": stored(tmp_path / "image", "latent-world", {"vae": image}),
            "clip-world": Weights().resolve("clip-world"),
            "prior-world": stored(tmp_path / "prior", "prior-world", {"model": prior_tensors()}),
        },
    )


def config_of(preset: str = "demo", **settings: Any):
    return configure(METHOD, preset, {"num_inference_steps": 4, **settings}, task=Task.EDIT_TEXT)


def clip_of() -> Clip:
    return tools.moving_clip(4, 64, 64)


def drawn(job: Job, inputs: Inputs, seeds=(0,), **settings: Any):
    return METHOD.sample_many(Task.EDIT_TEXT, inputs, config_of(**settings), list(seeds), job)


def test_it_is_stage_2_and_reads_no_structure(job: Job) -> None:
    model = load_editor(config_of(), job)
    assert isinstance(model, Gen1Model)
    assert not model.has_structure
    assert torch.equal(model.unet.unet.conv_in.weight, network_of(4).unet.conv_in.weight)
    assert METHOD.requires(Task.EDIT_TEXT, config_of()) == {}
    part = job.backbones["gen1-world"].parts["structure"]
    without = {**job.backbones, "gen1-world": replace(job.backbones["gen1-world"], parts={"structure": part})}
    with pytest.raises(WeightsError, match="gen1-world"):
        load_editor(config_of(), replace(job, backbones=without))


def test_strength_is_how_much_is_made_anew(job: Job) -> None:
    clip = clip_of()
    inputs = Inputs(clip, prompt="a red kite")
    model = load_editor(config_of(), job)
    kept = to_frames(model.decode(model.encode(to_video(clip.frames))))
    (none,) = drawn(job, inputs, strength=0)
    assert np.array_equal(none, kept), "the autoencoder's picture of the clip"
    content, nothing = torch.ones(1, 256), torch.zeros(1, 256)
    other = Clip(np.ascontiguousarray(clip.frames[:, ::-1]))
    one, two = (edited(model, each, content, nothing, config_of(strength=1), 0) for each in (clip, other))
    assert np.array_equal(one, two), "of a new video nothing is the clip's"


def test_the_start_is_the_clip_noised_to_the_first_step(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def stop(process, predict, start, timesteps, **_):
        seen.append((start, timesteps))
        return start

    monkeypatch.setattr("onereel.methods.gen1_no_structure.editing.ddim", stop)
    model, clip = load_editor(config_of(), job), clip_of()
    edited(model, clip, torch.ones(1, 256), torch.zeros(1, 256), config_of(strength=0.5), 7)
    ((start, timesteps),) = seen
    assert timesteps == timesteps_of(model.process, 4)[2:]
    clean, noise = model.encode(to_video(clip.frames)), torch.empty_like(start)
    noise = torch.randn(start.shape, generator=torch.Generator().manual_seed(7))
    level = model.process.levels[timesteps[0] + 1].expand(1)
    torch.testing.assert_close(start, model.process.add_noise(clean, noise, level))


def test_a_seed_a_prompt_and_a_picture_count(job: Job) -> None:
    inputs = Inputs(clip_of(), prompt="a red kite")
    one, two = drawn(job, inputs, [0, 1])
    assert one.shape == inputs.clip.frames.shape
    assert not np.array_equal(one, two)
    assert np.array_equal(drawn(job, inputs, [1])[0], two), "a seed decides, not what is drawn with it"
    shown = replace(inputs, prompt="", clips={"content": tools.moving_clip(2, 64, 64)})
    assert not np.array_equal(drawn(job, shown)[0], one)
    frozen = drawn(job, shown, temporal_scale=0.0, strength=1)[0]
    assert not np.array_equal(frozen, drawn(job, shown, temporal_scale=1.0, strength=1)[0])


def test_what_does_not_fit_is_refused(job: Job) -> None:
    with pytest.raises(MethodError, match="gen1_no_structure, task 'edit_text': nothing says what it is to show"):
        check_run(METHOD, Task.EDIT_TEXT, Inputs(clip_of()), config_of(), job)
    with pytest.raises(MethodError, match="gen1_no_structure, window 17: 'gen1-world' sees 16 frames at once"):
        drawn(job, Inputs(clip_of(), prompt="a"), window=17)
    for wrong in ({"strength": 1.1}, {"model": "footage"}):
        with pytest.raises(ConfigError):
            config_of(**wrong)


def test_published_parts_do_without_what_reads_depth(tmp_path_factory) -> None:
    families = {
        "sd-image-variations": "image-variations", "animatediff-v1-5-3": "motion-adapter",
        "stable-diffusion-1.5": "stable-diffusion", "karlo-prior": "prior",
    }  # fmt: skip
    parts = {name: tiny_backbone(family, tmp_path_factory.mktemp(family)) for name, family in families.items()}
    small = {"side": 32, "tile": 32, "window": 4, "batch": 12, "num_inference_steps": 2, "prior_steps": 2}
    config = configure(METHOD, "public", small, task=Task.EDIT_TEXT)
    assert set(METHOD.backbones(Task.EDIT_TEXT, config)) == parts.keys()
    inputs, place = Inputs(tools.moving_clip(4), prompt="a kite"), Job(tools.CPU, backbones=parts)
    check_run(METHOD, Task.EDIT_TEXT, inputs, config, place)
    (frames,) = METHOD.sample_many(Task.EDIT_TEXT, inputs, config, [0], place)
    assert frames.shape == inputs.clip.frames.shape
    assert not np.array_equal(frames, inputs.clip.frames)
