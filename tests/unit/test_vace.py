"""VACE on a tiny random model of the published classes."""

import numpy as np
import pytest
import torch
from PIL import Image

from onereel.backbones.wan_vace import WanVace
from onereel.base.errors import ConfigError, MethodError, WeightsError
from onereel.jobs.sampling import check_run
from onereel.methods import Inputs, Task, configure, load_method
from onereel.methods.gen1.masks import read_kept
from onereel.methods.vace.editing import Told, made, on_white, told_of
from onereel.methods.vace.windows import windows_of
from onereel.video.clip import Clip, to_frames
from onereel.weights.store import Resolved
from tests.unit import frame_editors as tools
from tests.unit.tiny_backbones import tiny

METHOD = load_method("vace")
SIZE = (16, 32)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Resolved:
    return tiny("wan-vace", tmp_path_factory.mktemp("vace"))


@pytest.fixture(scope="module")
def model(weights) -> WanVace:
    return WanVace.load(weights)


def config_of(weights: Resolved, task: Task = Task.EDIT_STRUCTURE, **settings):
    given = {"backbone": weights.name, "num_inference_steps": 1, "size": 16, "frames": 9, "overlap": 5, **settings}
    return configure(METHOD, "demo", given, task=task)


def clip_of(count: int = 5) -> Clip:
    return tools.moving_clip(count, 24, 48)


def inputs_of(clip: Clip, tmp_path, **files) -> Inputs:
    depth = tools.depth_of(clip, tmp_path)
    return Inputs(clip, prompt="a cat", artefacts={("clip", "depth"): depth}, files=files)


def mask_file(tmp_path, name: str = "mask"):
    """White in the left half."""
    picture = np.zeros((24, 48), np.uint8)
    picture[:, :24] = 255
    Image.fromarray(picture).save(path := tmp_path / f"{name}.png")
    return path


def sampled(weights, task, inputs, seeds=(0,), **settings):
    config = config_of(weights, task, **settings)
    check_run(METHOD, task, inputs, config, tools.job_of(weights))
    return METHOD.sample_many(task, inputs, config, list(seeds), tools.job_of(weights))


@pytest.mark.parametrize("referred", [False, True])
def test_it_is_the_published_pipeline(model, referred):
    from diffusers.pipelines.wan.pipeline_wan_vace import WanVACEPipeline

    generator = torch.Generator().manual_seed(0)
    video = torch.rand(3, 5, *SIZE, generator=generator) * 2 - 1
    mask = torch.rand(5, *SIZE, generator=generator) > 0.5
    picture = Image.fromarray((torch.rand(16, 16, 3, generator=generator) * 255).byte().numpy())
    parts = {"tokenizer": model.encoder.tokenizer, "text_encoder": model.encoder.encoder, "vae": model.vae}
    pipeline = WanVACEPipeline(**parts, transformer=model.network, scheduler=model.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    start = torch.randn(1, 4, 2 + referred, 2, 4, generator=torch.Generator().manual_seed(5))
    expected = pipeline(
        video=(video.transpose(0, 1)[None] + 1) / 2,
        mask=mask[None, :, None].float().expand(-1, -1, 3, -1, -1),
        reference_images=[picture] if referred else None,
        prompt="a cat",
        negative_prompt="a dog",
        height=SIZE[0],
        width=SIZE[1],
        num_frames=5,
        num_inference_steps=3,
        guidance_scale=4.0,
        conditioning_scale=0.7,
        latents=start,
        output_type="pt",
    ).frames[0]
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 127.5 - 1
    references = [on_white(pixels, SIZE)] if referred else []
    found = model.controlled(
        "a cat",
        model.control(video, mask, references),
        torch.Generator().manual_seed(5),
        references=len(references),
        conditioning_scale=0.7,
        num_inference_steps=3,
        guidance_scale=4.0,
        negative_prompt="a dog",
    )
    torch.testing.assert_close((found.transpose(0, 1) + 1) / 2, expected, atol=2e-4, rtol=1e-3)


def test_what_is_known_changes_the_video_and_scale_0_forgets_it(model):
    video = torch.rand(3, 5, *SIZE) * 2 - 1
    every = torch.ones(5, *SIZE, dtype=torch.bool)
    one, other = (model.control(each, every) for each in (video, -video))

    def run(control, scale):
        drawn = torch.Generator().manual_seed(0)
        return model.controlled(
            "a", control, drawn, conditioning_scale=scale, num_inference_steps=1, guidance_scale=1.0
        )

    assert not torch.allclose(run(one, 1.0), run(other, 1.0), atol=1e-4)
    assert torch.equal(run(one, 0.0), run(other, 0.0))


def test_depth_is_what_an_edit_of_structure_is_told_and_all_of_it_is_made(weights, tmp_path):
    clip = clip_of()
    told = told_of(Task.EDIT_STRUCTURE, inputs_of(clip, tmp_path), config_of(weights), (24, 48))
    assert bool(told.free.all())
    assert torch.equal(told.video[0], told.video[2]), "grey"
    assert float(told.video[0, 0, 23, 0]) == pytest.approx(0.2, abs=1e-2), "near below"
    assert float(told.video[0, 0, 0, 0]) == pytest.approx(-1, abs=1e-2)
    other = Clip(255 - clip.frames)
    same = Inputs(other, prompt="a cat", artefacts=inputs_of(clip, tmp_path).artefacts)
    pair = (sampled(weights, Task.EDIT_STRUCTURE, each)[0] for each in (inputs_of(clip, tmp_path), same))
    first, second = pair
    assert np.array_equal(first, second), "nothing is read of the clip but its depth"
    assert first.shape == clip.frames.shape


@pytest.mark.parametrize("role", ["keep", "edit"])
def test_what_a_mask_keeps_stays_to_the_last_bit(role, weights, tmp_path):
    clip = clip_of()
    inputs = inputs_of(clip, tmp_path, **{role: mask_file(tmp_path)})
    (found,) = sampled(weights, Task.EDIT_MASKED, inputs)
    left, right = np.s_[:, :, :24], np.s_[:, :, 24:]
    kept, free = (left, right) if role == "keep" else (right, left)
    assert np.array_equal(found[kept], clip.frames[kept])
    assert not np.array_equal(found[free], clip.frames[free])
    told = told_of(Task.EDIT_MASKED, inputs, config_of(weights, Task.EDIT_MASKED, inside="nothing"), (24, 48))
    assert bool(told.free[free].all())
    assert not told.free[kept].any()
    assert float(told.video[:, *free].abs().max()) == 0
    assert np.array_equal(to_frames(told.video)[kept], clip.frames[kept])


def test_a_picture_as_content_counts(weights, tmp_path):
    Image.new("RGB", (20, 30), (255, 0, 0)).save(tmp_path / "red.png")
    plain, led = inputs_of(clip_of(), tmp_path), inputs_of(clip_of(), tmp_path, content=tmp_path / "red.png")
    (without,), (found,) = (sampled(weights, Task.EDIT_STRUCTURE, each) for each in (plain, led))
    assert not np.array_equal(without, found)
    white = on_white(torch.zeros(3, 30, 20), (15, 40))
    assert white[0, 7].tolist() == [1.0] * 15 + [0.0] * 10 + [1.0] * 15


def test_windows_cover_all_frames_and_begin_with_the_last_ones():
    assert windows_of(5, 9, 5) == [(0, 5, 0, 0)]
    assert windows_of(7, 9, 5) == [(0, 7, 0, 2)]
    assert windows_of(1, 9, 5) == [(0, 1, 0, 0)]
    assert windows_of(15, 9, 5) == [(0, 9, 0, 0), (4, 13, 5, 0), (8, 15, 5, 2)]
    for count in range(1, 60):
        windows = windows_of(count, 13, 5)
        new = [index for one in windows for index in range(one.start + one.known, one.stop)]
        assert new == list(range(count))
        assert all((one.stop - one.start + one.filling) % 4 == 1 for one in windows)


def test_a_window_is_told_the_frames_of_the_one_before(weights, model, monkeypatch):
    seen = []

    def control(self, video, mask, references=()):
        seen.append((video.clone(), mask.clone()))
        return torch.zeros(1, 72, model.latent_frames(video.shape[1]), 2, 4)

    def controlled(self, prompt, control, generator, **_):
        frames = 4 * (control.shape[2] - 1) + 1
        return torch.full((3, frames, *SIZE), 0.1 * len(seen))

    monkeypatch.setattr(WanVace, "control", control)
    monkeypatch.setattr(WanVace, "controlled", controlled)
    told = Told(torch.zeros(3, 11, *SIZE), torch.ones(11, *SIZE, dtype=torch.bool))
    found = made(model, told, "a", config_of(weights), torch.Generator(), tools.job_of(weights))
    assert found[0, :, 0, 0].tolist() == pytest.approx([0.1] * 9 + [0.2] * 2)
    (_, first_mask), (second, second_mask) = seen
    assert bool(first_mask.all())
    assert second.shape[1] == 9
    assert not second_mask[:5].any()
    assert bool(second_mask[5:].all())
    torch.testing.assert_close(second[:, :5], torch.full((3, 5, *SIZE), 0.1))


def test_long_clips_come_back_whole_and_follow_from_their_seeds(weights, tmp_path):
    inputs = inputs_of(clip_of(11), tmp_path)
    one, two = sampled(weights, Task.EDIT_STRUCTURE, inputs, [0, 1], guidance_scale=1)
    (again,) = sampled(weights, Task.EDIT_STRUCTURE, inputs, [1], guidance_scale=1)
    assert one.shape == inputs.clip.frames.shape
    assert np.array_equal(again, two)
    assert not np.array_equal(one, two)


def test_what_does_not_fit_is_refused(weights, tmp_path, monkeypatch):
    clip = clip_of()

    def refused(match, inputs, *, error=MethodError, task=Task.EDIT_MASKED, used=weights, **settings):
        with pytest.raises(error, match=match):
            check_run(METHOD, task, inputs, config_of(used, task, **settings), tools.job_of(used))

    mask = mask_file(tmp_path)
    refused("needs one of the inputs 'edit' and 'keep'", inputs_of(clip, tmp_path))
    Image.new("L", (8, 8), 255).save(tmp_path / "small.png")
    refused("is 1x8x8, the clip 5x24x48", inputs_of(clip, tmp_path, keep=tmp_path / "small.png"))
    Image.new("L", (48, 24), 255).save(tmp_path / "white.png")
    refused("is all white: nothing is to change", inputs_of(clip, tmp_path, keep=tmp_path / "white.png"))
    refused("multiples of 16, not 20; ask for 16", inputs_of(clip, tmp_path, keep=mask), size=20)
    other = tiny("wan", tmp_path / "wan")
    refused("is no VACE", inputs_of(clip, tmp_path, keep=mask), error=WeightsError, used=other)
    monkeypatch.setattr("onereel.training.estimates.available_memory", lambda device: 100_000)
    refused("cpu has 0.1 MB", inputs_of(clip, tmp_path, keep=mask))
    assert read_kept(inputs_of(clip, tmp_path, keep=mask)).mean() == 0.5


def test_settings_that_make_no_windows_are_refused(weights):
    with pytest.raises(ConfigError, match="frames must be 4n \\+ 1, 80 is not; 81 is"):
        config_of(weights, frames=80)
    with pytest.raises(ConfigError, match="overlap 9 leaves nothing of 9 frames"):
        config_of(weights, overlap=9)
    with pytest.raises(ConfigError, match="'edit_structure' does not read it"):
        config_of(weights, inside="nothing")
