"""Editors of frames, SDEdit and depth-to-image, on tiny random models of both families."""

import numpy as np
import pytest
import torch

from onereel.backbones.latent import Condition
from onereel.backbones.text_to_image import About, text_to_image_of
from onereel.base.errors import MethodError, WeightsError
from onereel.diffusion.samplers import ddim, timesteps_of
from onereel.jobs.sampling import check_run
from onereel.methods import Task, load_method, read_method_file
from onereel.methods.sdedit.editing import Editing
from onereel.video.clip import Clip, to_frames, to_video
from onereel.video.pyramid import resize
from onereel.weights.entries import BackboneEntry
from onereel.weights.store import Resolved, Weights
from tests.unit import frame_editors as tools

KINDS = ("latent-world", "stable-diffusion")
EDITORS = ("sdedit", "depth_image")


@pytest.fixture(autouse=True)
def small(monkeypatch, one_thread):
    tools.narrow(monkeypatch)


@pytest.fixture(params=KINDS)
def weights(request, tmp_path) -> Resolved:
    return tools.model_of(request.param, tmp_path / "model")


def sampled(method: str, weights: Resolved, inputs, seeds=(0,), **settings):
    chosen = load_method(method)
    (task,) = chosen.tasks
    config = tools.settings_of(method, weights, **settings)
    check_run(chosen, task, inputs, config, tools.job_of(weights))
    return chosen.sample_many(task, inputs, config, list(seeds), tools.job_of(weights))


def test_strength_0_is_the_autoencoders_reconstruction(weights, tmp_path):
    clip = tools.moving_clip()
    (found,) = sampled("sdedit", weights, tools.inputs_of(clip, tmp_path), strength=0)
    model = text_to_image_of(weights).load(weights)
    height, width = model.about.size_for(*clip.size[1:])
    small = resize(to_video(clip.frames), (5, height, width)).clamp(-1, 1)
    decoded = model.decode(model.encode(small.transpose(0, 1)))
    assert np.array_equal(found, to_frames(resize(decoded.transpose(0, 1), clip.size)))


def test_a_frame_is_what_it_is_alone_and_follows_from_its_seed(weights, tmp_path):
    clip = tools.moving_clip()
    whole, other = sampled("sdedit", weights, tools.inputs_of(clip, tmp_path), [0, 1], batch=2)
    assert whole.shape == clip.frames.shape
    assert not np.array_equal(whole, other)
    (alone,) = sampled("sdedit", weights, tools.inputs_of(clip, tmp_path), [1], batch=2)
    assert np.array_equal(alone, other), "the same bytes, whatever is drawn with it"
    last = Clip(clip.frames[3:])
    (end,) = sampled("sdedit", weights, tools.inputs_of(last, tmp_path), [0], batch=2)
    assert np.abs(end.astype(int) - whole[3:]).max() <= 1, "the same noise in every frame, and no neighbours"
    (free,) = sampled("sdedit", weights, tools.inputs_of(clip, tmp_path), [0], noise="independent")
    (still,) = sampled("sdedit", weights, tools.inputs_of(Clip(clip.frames[[0] * 3]), tmp_path), [0])
    assert np.array_equal(still[0], still[2])
    assert not np.array_equal(free[4], whole[4])


def test_more_strength_keeps_less_and_the_prompt_counts(weights, tmp_path):
    inputs = tools.inputs_of(tools.moving_clip(), tmp_path)
    source, little, much = (
        sampled("sdedit", weights, inputs, strength=strength)[0].astype(int) for strength in (0, 0.25, 1.0)
    )
    assert 0 < np.abs(little - source).mean() < np.abs(much - source).mean()
    (elsewhere,) = sampled("sdedit", weights, tools.inputs_of(tools.moving_clip(), tmp_path, "a boat"), strength=1.0)
    assert not np.array_equal(elsewhere, much)


def test_renewing_is_ddim_of_the_guided_prediction(weights, tmp_path):
    """Written out once more, for one frame."""
    inputs = tools.inputs_of(tools.moving_clip(), tmp_path)
    config = tools.settings_of("sdedit", weights, guidance_scale=2.5, negative_prompt="grey", strength=0.5)
    editing = Editing(inputs, config, tools.job_of(weights))
    model, process = editing.model, editing.process
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        found = editing.all_renewed(generator, config.strength)[2:3]
        noise = torch.randn(found.shape, generator=torch.Generator().manual_seed(3))
        steps = timesteps_of(process, 4)[2:]
        start = process.add_noise(editing.latents[2:3], noise, torch.tensor([process.level_of(steps[0])]))
        asked, led = (model.encode_prompt([text]) for text in (tools.PROMPT, "grey"))

        def predict(noisy, timestep):
            away = model.predict(noisy, timestep, led)
            return away + 2.5 * (model.predict(noisy, timestep, asked) - away)

        expected = ddim(process, predict, start, steps)
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["latent-world", "stable-diffusion-depth"])
def test_depth_is_read_and_at_full_strength_nothing_else_of_a_frame(kind, tmp_path):
    weights = tools.model_of(kind, tmp_path / "model")
    clip, other = tools.moving_clip(), Clip(255 - tools.moving_clip().frames)
    near = tools.depth_of(clip, tmp_path)
    first, same = (
        sampled("depth_image", weights, tools.inputs_of(each, tmp_path, depth=near))[0] for each in (clip, other)
    )
    assert np.array_equal(first, same)
    flat = tools.depth_of(Clip(np.zeros_like(clip.frames)), tmp_path)
    (far,) = sampled("depth_image", weights, tools.inputs_of(clip, tmp_path, depth=flat))
    assert not np.array_equal(far, first)
    assert np.array_equal(far[0], far[4]), "the same depth and noise: the same picture"
    (started,) = sampled("depth_image", weights, tools.inputs_of(clip, tmp_path, depth=flat), strength=0.5)
    assert not np.array_equal(started[0], started[4])


def test_depth_reaches_stable_diffusion_on_the_clips_scale_at_the_latents_size(tmp_path):
    model = text_to_image_of(weights := tools.model_of("stable-diffusion-depth", tmp_path / "m")).load(weights)
    depth = torch.stack([torch.full((32, 48), 0.25), torch.full((32, 48), 0.75)])
    structure = model.structure_of(depth)
    assert structure.shape == (2, 1, 4, 6)
    torch.testing.assert_close(structure.mean((1, 2, 3)), torch.tensor([-0.5, 0.5]))


def test_latent_world_sees_depth_as_a_grey_picture_that_is_white_where_it_is_near(tmp_path):
    model = text_to_image_of(weights := tools.model_of("latent-world", tmp_path / "m")).load(weights)
    depth = torch.rand(1, 64, 64)
    torch.testing.assert_close(model.structure_of(depth), model.encode((2 * depth - 1)[:, None].repeat(1, 3, 1, 1)))


def test_predictions_of_stable_diffusion_are_the_unets_own(tmp_path):
    weights = tools.model_of("stable-diffusion-depth", tmp_path / "m")
    model = text_to_image_of(weights).load(weights)
    noisy, structure = torch.randn(2, 4, 4, 6), torch.rand(2, 1, 4, 6)
    condition = model.encode_prompt(["a cat", "a dog"], structure)
    with torch.no_grad():
        found = model.predict(noisy, 300, condition)
        expected = model.unet(torch.cat([noisy, structure], 1), 300, condition.states).sample
        assert not torch.allclose(found, model.predict(noisy, 300, Condition(condition.states)))
    torch.testing.assert_close(found, expected)
    pixels = torch.rand(1, 3, 32, 48) * 2 - 1
    torch.testing.assert_close(model.encode(pixels), 0.18215 * model.vae.encode(pixels).latent_dist.mode())
    assert model.process.config.prediction_type == "epsilon"
    assert model.process.level_of(999) ** 2 == pytest.approx(0.00466, rel=1e-2)


def test_sizes_keep_the_aspect_in_steps_that_the_coarsest_layer_needs():
    about = About("sd", 512, 8, 64, "none", 12)
    assert about.size_for(72, 128) == (512, 896)
    assert about.size_for(128, 72, 256) == (448, 256)
    assert about.size_for(64, 64) == (512, 512)
    with pytest.raises(MethodError, match="multiples of 64, not 500; ask for 512"):
        about.size_for(64, 64, 500)


@pytest.mark.parametrize("size", [(3, 17, 40), (1, 64, 64), (2, 70, 24)])
def test_any_size_comes_back(size, tmp_path):
    weights = tools.model_of("latent-world", tmp_path / "model")
    clip = Clip(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))
    (found,) = sampled("sdedit", weights, tools.inputs_of(clip, tmp_path), num_inference_steps=1)
    assert found.shape == clip.frames.shape


def refused(method: str, weights: Resolved, tmp_path, complaint: str, **settings) -> None:
    clip = tools.moving_clip()
    chosen = load_method(method)
    (task,) = chosen.tasks
    config = tools.settings_of(method, weights, **settings)
    inputs = tools.inputs_of(clip, tmp_path, depth=tools.depth_of(clip, tmp_path))
    with pytest.raises((MethodError, WeightsError), match=complaint):
        check_run(chosen, task, inputs, config, tools.job_of(weights))


def test_models_that_do_not_fit_are_refused_before_weights_are_read(tmp_path, monkeypatch):
    plain, deep = (tools.model_of(kind, tmp_path / kind) for kind in ("stable-diffusion", "stable-diffusion-depth"))
    refused("depth_image", plain, tmp_path, "reads no depth; choose stable-diffusion-2-depth")
    refused("sdedit", deep, tmp_path, "makes nothing without depth; choose stable-diffusion-1.5")
    refused("sdedit", plain, tmp_path, "multiples of 16, not 20; ask for 16", size=20)
    other = Resolved("x", "r", "t", "t", "", False, {}, entry=plain.entry.model_copy(update={"family": "controlnet"}))
    refused("sdedit", other, tmp_path, "makes no pictures of texts")
    monkeypatch.setattr("onereel.training.estimates.available_memory", lambda device: 400_000)
    refused("sdedit", plain, tmp_path, "has 0.4 MB; these fit: batch=1", batch=5)


def test_a_larger_batch_is_counted_to_take_more_memory(tmp_path):
    weights = tools.model_of("stable-diffusion", tmp_path / "m")
    one, four = (text_to_image_of(weights).memory_of(weights, 64, 64, count, torch.float32) for count in (1, 4))
    assert one < four


@pytest.mark.parametrize("name", EDITORS)
def test_what_is_missing_is_refused(name, tmp_path):
    weights = tools.model_of("latent-world", tmp_path / "m")
    chosen, clip = load_method(name), tools.moving_clip()
    (task,) = chosen.tasks
    config = tools.settings_of(name, weights)
    with pytest.raises(MethodError, match="needs a prompt"):
        check_run(chosen, task, tools.inputs_of(clip, tmp_path, ""), config, tools.job_of(weights))
    with pytest.raises(MethodError, match="does not do 'retarget'"):
        check_run(chosen, Task.RETARGET, tools.inputs_of(clip, tmp_path), config, tools.job_of(weights))


@pytest.mark.parametrize("name", EDITORS)
def test_presets_name_models_that_do_what_the_method_needs(name):
    entries, method = Weights().entries, load_method(name)
    for preset in read_method_file(name)["presets"].values():
        backbone = preset["backbone"]
        if backbone != "latent-world":
            entry = entries[backbone]
            assert isinstance(entry, BackboneEntry)
            assert entry.family == "stable-diffusion"
            assert (entry.role == "depth-diffusion") == method.reads_depth
