"""Gen-1's model `public` on tiny random networks of the published classes."""

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from onereel.backbones.animatediff import AnimateDiff
from onereel.backbones.families import FAMILIES
from onereel.backbones.loading import build_meta
from onereel.base.errors import ConfigError, MethodError, WeightsError
from onereel.jobs.inputs import resolve_backbones
from onereel.jobs.sampling import check_run
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.gen1.content import Contents
from onereel.methods.gen1.model import Guidance
from onereel.methods.gen1.public import PublicModel, bytes_of, load_editor
from onereel.methods.gen1.structure import coarsened
from onereel.methods.gen1.windows import Window
from onereel.video.clip import Clip
from tests.unit import frame_editors as tools
from tests.unit.tiny_backbones import tiny

METHOD = load_method("gen1")
FAMILY_OF = {
    "sd-image-variations": "image-variations", "animatediff-v1-5-3": "motion-adapter",
    "controlnet-depth": "controlnet", "stable-diffusion-1.5": "stable-diffusion", "karlo-prior": "prior",
}  # fmt: skip
SMALL = {"side": 32, "tile": 32, "window": 4, "batch": 12, "num_inference_steps": 2, "prior_steps": 2}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return {name: tiny(family, tmp_path_factory.mktemp(family)) for name, family in FAMILY_OF.items()}


@pytest.fixture
def job(parts) -> Job:
    return Job(tools.CPU, backbones=parts)


@pytest.fixture(scope="module")
def model(parts) -> PublicModel:
    found = load_editor(config_of(), Job(tools.CPU, backbones=parts))
    assert isinstance(found, PublicModel)
    for name, parameter in found.parts.unet.named_parameters():
        if "motion_modules" in name and "proj_out" in name:
            torch.nn.init.normal_(parameter, std=0.3)  # trained ones are not zero
    return found


def config_of(task: Task = Task.EDIT_STRUCTURE, **settings):
    return configure(METHOD, "public", {**SMALL, **settings}, task=task)


def inputs_of(tmp_path, clip: Clip | None = None, **given) -> Inputs:
    clip = clip or tools.moving_clip(4)
    return Inputs(clip, artefacts={("clip", "depth"): tools.depth_of(clip, tmp_path)}, **given)


def test_guidance_is_equation_8_with_the_same_network_without_motion(model):
    generator = torch.Generator().manual_seed(0)
    noisy = torch.randn(2, 4, 3, 4, 6, generator=generator)
    content, nothing = torch.randn(1, 16, generator=generator), torch.zeros(1, 16)
    signal = torch.rand(3, 32, 48, generator=generator)
    structure = model.read_structure(signal, 2).expand(2, -1, -1, -1, -1)
    depth = coarsened(signal, 2)[None].expand(2, -1, -1, -1)

    def said(what, video):
        with torch.no_grad():
            return model.parts.predict(noisy, 300, what[None].expand(2, -1, -1), depth, video=video)

    omega, omega_t = 3.0, 1.2
    image, video = said(nothing, False), said(nothing, True)
    expected = image + omega_t * (video - image) + omega * (said(content, True) - video)
    passes: list[int] = []
    hook = model.parts.unet.register_forward_hook(lambda _, inputs, __: passes.append(len(inputs[0])))
    found = model.guided(content, nothing, structure, Guidance(omega, omega_t))(noisy, 300)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
    assert sorted(passes) == [2, 4], "both contents go together"
    passes.clear()
    model.guided(content, nothing, structure, Guidance(omega, 1.0))(noisy, 300)
    hook.remove()
    assert passes == [4], "the image model then counts nothing"


def test_a_window_of_the_structure_is_the_depth_of_its_pixels(model, monkeypatch):
    signal = torch.rand(5, 32, 64)
    window = Window(range(1, 4), range(0, 4), range(2, 6))
    seen = []
    monkeypatch.setattr(model.parts, "predict", lambda noisy, _, __, depth, **___: seen.append(depth) or noisy)
    cut = window.cut(model.read_structure(signal, 0))
    model.guided(torch.ones(1, 16), torch.zeros(1, 16), cut, Guidance(2.0, 1.0))(torch.zeros(1, 4, 3, 4, 4), 9)
    torch.testing.assert_close(seen[0][0], signal[1:4, :, 16:48])


def test_a_clip_is_redrawn_at_its_own_size_by_text_and_by_picture(job, tmp_path, caplog):
    inputs = inputs_of(tmp_path, tools.moving_clip(6, 24, 60), prompt="a kite")
    with caplog.at_level(logging.INFO):
        check_run(METHOD, Task.EDIT_STRUCTURE, inputs, config_of(), job)
        one, two = METHOD.sample_many(Task.EDIT_STRUCTURE, inputs, config_of(), [0, 1], job)
    assert "nobody has yet seen this on published weights" in caplog.text
    assert one.shape == inputs.clip.frames.shape
    assert not np.array_equal(one, two)
    shown = replace(inputs, prompt="", clips={"content": tools.moving_clip(2)})
    further = {"temporal_scale": 0.7, "structure_level": 5}
    (by_picture,) = METHOD.sample_many(Task.EDIT_STRUCTURE, shown, config_of(**further), [0], job)
    (other,) = METHOD.sample_many(Task.EDIT_STRUCTURE, shown, config_of(**further, content_frame=1), [0], job)
    assert not np.array_equal(by_picture, other)
    negative = config_of(**further, negative_prompt="fog")
    assert not np.array_equal(by_picture, METHOD.sample_many(Task.EDIT_STRUCTURE, shown, negative, [0], job)[0])


def test_kept_pixels_come_out_as_they_went_in(job, tmp_path):
    mask = np.zeros((1, 24, 36, 3), np.uint8)
    mask[:, :12] = 255
    inputs = inputs_of(tmp_path, prompt="a kite", clips={"keep": Clip(mask)})
    (frames,) = METHOD.sample_many(Task.EDIT_MASKED, inputs, config_of(Task.EDIT_MASKED), [0], job)
    assert np.array_equal(frames[:, :12], inputs.clip.frames[:, :12])
    assert not np.array_equal(frames[:, 12:], inputs.clip.frames[:, 12:])


def test_pictures_are_read_as_image_variations_reads_them(model):
    frames = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), np.uint8)
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1
    torch.testing.assert_close(model.raw_images(frames), model.parts.embed(pixels)[:, 0])
    assert model.dimension == 16


def test_without_the_weights_one_line_says_what_to_fetch(tmp_path):
    with pytest.raises(WeightsError, match=r"run: onereel weights fetch sd-image-variations$") as caught:
        resolve_backbones(METHOD, Task.EDIT_STRUCTURE, config_of(), "auto")
    assert "\n" not in str(caught.value)


def test_parts_that_do_not_go_together_are_refused(job, tmp_path, monkeypatch):
    inputs = inputs_of(tmp_path, prompt="a")
    with pytest.raises(MethodError, match="window 7: 'tiny-random-motion-adapter' sees 6 frames at once; lower window"):
        METHOD.sample_many(Task.EDIT_STRUCTURE, inputs, config_of(window=7), [0], job)
    monkeypatch.setattr("onereel.methods.gen1.content.KarloPrior.image_embeddings", lambda *_, **__: torch.ones(1, 5))
    with pytest.raises(MethodError, match="says embeddings of 5 numbers, the model reads 16"):
        METHOD.sample_many(Task.EDIT_STRUCTURE, inputs, config_of(), [0], job)


def test_what_it_cannot_do_is_refused(job, tmp_path):
    with pytest.raises(ConfigError, match="the model public reads depth only"):
        config_of(structure="edges")
    folder = tmp_path / "images"
    folder.mkdir()
    inputs = inputs_of(tmp_path, files={"images": folder})
    with pytest.raises(MethodError, match="tunes shipped models only"):
        check_run(METHOD, Task.CUSTOMISE, inputs, config_of(Task.CUSTOMISE), job)


def test_a_model_of_another_family_is_refused(job, tmp_path):
    inputs = inputs_of(tmp_path, prompt="a kite")
    with pytest.raises(WeightsError, match="is of the family 'stable-diffusion', not 'image-variations'; choose"):
        check_run(METHOD, Task.EDIT_STRUCTURE, inputs, config_of(image_model="stable-diffusion-1.5"), job)


def test_preset_paper_reads_prompts_through_the_same_prior(job):
    config = configure(METHOD, "paper", {"prior_steps": 2}, task=Task.EDIT_STRUCTURE)
    reader = SimpleNamespace(dimension=16, raw_images=None)
    contents = Contents(Inputs(tools.moving_clip(2), prompt="a kite"), config, job, reader)
    assert contents.of(0).shape == (1, 16)
    assert not torch.equal(contents.of(0), contents.of(1))


def test_memory_is_counted_before_any_weight_is_read_and_a_small_device_is_told_what_fits(
    job, parts, tmp_path, monkeypatch
):
    inputs = inputs_of(tmp_path, tools.moving_clip(6, 24, 60), prompt="a kite")
    for name in ("load_component", "load_tokenizer"):
        monkeypatch.setattr(f"onereel.backbones.animatediff.{name}", lambda *_: pytest.fail("weights are read"))
    bare = AnimateDiff.skeleton(*[parts[name] for name in list(FAMILY_OF)[:4]], dtype=torch.float32)
    large, small = (bytes_of(bare, inputs.clip.size, config_of(side=side, tile=side)) for side in (64, 32))
    assert small < large
    monkeypatch.setattr("onereel.training.estimates.available_memory", lambda device: 10_000_000)
    check_run(METHOD, Task.EDIT_STRUCTURE, inputs, config_of(), job)
    monkeypatch.setattr("onereel.training.estimates.available_memory", lambda device: 1000)
    with pytest.raises(MethodError, match=r"gen1, model 'public': needs about .* a larger device is needed") as caught:
        check_run(METHOD, Task.EDIT_STRUCTURE, inputs, config_of(), job)
    assert "\n" not in str(caught.value)


def test_the_published_models_fit_on_a_gpu(tmp_path):
    """In bfloat16, a window of 16 frames at 512 pixels; counted, since nobody here has the weights."""
    known = yaml.safe_load(Path("tests/data/published_backbones.yaml").read_text(encoding="utf-8"))

    def bare(name: str, folder: str, dtype: torch.dtype = torch.bfloat16):
        found = known[name][folder or "model"]
        return build_meta(name, FAMILIES[FAMILY_OF[name]].components[folder], found["config"], dtype)

    from diffusers import UNetMotionModel

    with torch.device("meta"):
        unet = UNetMotionModel.from_unet2d(bare("sd-image-variations", "unet"), bare("animatediff-v1-5-3", ""))
    model = AnimateDiff(
        "public", unet, bare("sd-image-variations", "vae", torch.float32), bare("sd-image-variations", "image_encoder"),
        bare("controlnet-depth", ""), torch.empty((1, 77, 768), device="meta"), device="meta",
    )  # fmt: skip
    config = configure(METHOD, "public", {}, task=Task.EDIT_STRUCTURE)
    needed = bytes_of(model, (16, 72, 128), config)
    assert 5e9 < needed < 24e9, f"{needed / 1e9:.1f} GB"
