"""Gen-1 of published parts, on tiny random ones of the same classes."""

import pytest
import torch

from onereel.backbones.animatediff import AnimateDiff
from onereel.backbones.loading import load_component
from onereel.base.errors import MethodError
from onereel.diffusion.guidance import CONDITIONAL, IMAGE, UNCONDITIONAL, Branch, combined, temporal_weights
from tests.unit.tiny_backbones import tiny

PARTS = ("image-variations", "motion-adapter", "controlnet", "stable-diffusion")


@pytest.fixture(autouse=True, scope="module")
def without_gradients(one_thread):
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return [tiny(family, tmp_path_factory.mktemp(family)) for family in PARTS]


@pytest.fixture(scope="module")
def model(parts) -> AnimateDiff:
    model = AnimateDiff.load(*parts)
    for name, parameter in model.unet.named_parameters():
        if "motion_modules" in name and "proj_out" in name:
            torch.nn.init.normal_(parameter, std=0.3)  # a trained one is not zero
    return model


def asked(frames: int = 4):
    generator = torch.Generator().manual_seed(0)
    noisy = torch.randn(2, 4, frames, 4, 6, generator=generator)
    return noisy, torch.randn(2, 1, 16, generator=generator), torch.rand(2, frames, 32, 48, generator=generator)


def test_a_picture_is_what_the_image_model_and_the_controlnet_say(model, parts):
    """Frame by frame, by the networks as they were published."""
    noisy, content, depth = asked()
    unet, control = load_component(parts[0], "unet", torch.float32), load_component(parts[2], "", torch.float32)
    found = model.predict(noisy, 300, content, depth, video=False, conditioning_scale=0.5)
    for index in range(4):
        frame, grey = noisy[:, :, index], depth[:, index, None].expand(-1, 3, -1, -1)
        empty = model.empty.expand(2, -1, -1)
        down, middle = control(frame, 300, empty, controlnet_cond=grey, conditioning_scale=0.5, return_dict=False)
        given = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
        torch.testing.assert_close(found[:, :, index], unet(frame, 300, content, **given).sample, atol=1e-5, rtol=1e-4)


def test_frames_are_pictures_without_motion_and_see_each_other_with_it(model):
    noisy, content, depth = asked()
    changed = noisy.clone()
    changed[:, :, 3] += 1
    for video in (False, True):
        one, other = (model.predict(each, 300, content, depth, video=video) for each in (noisy, changed))
        assert torch.allclose(one[:, :, 0], other[:, :, 0], atol=1e-6) is not video
    order = [2, 0, 3, 1]
    pictures = model.predict(noisy, 300, content, depth, video=False)
    shuffled = model.predict(noisy[:, :, order], 300, content, depth[:, order], video=False)
    torch.testing.assert_close(shuffled, pictures[:, :, order], atol=1e-5, rtol=1e-4)


def test_motion_modules_are_back_afterwards_and_video_is_diffusers_own(model):
    noisy, content, _ = asked()
    before = model.predict(noisy, 300, content)
    model.predict(noisy, 300, content, video=False)
    assert torch.equal(before, model.predict(noisy, 300, content))
    expected = model.unet(noisy, 300, content.repeat_interleave(4, 0)).sample
    assert torch.equal(before, expected)


def test_content_and_depth_count(model):
    noisy, content, depth = asked()
    plain = model.predict(noisy, 300, content)
    assert not torch.allclose(plain, model.predict(noisy, 300, torch.zeros_like(content)), atol=1e-5)
    deep = model.predict(noisy, 300, content, depth)
    assert not torch.allclose(plain, deep, atol=1e-5)
    assert not torch.allclose(deep, model.predict(noisy, 300, content, 1 - depth), atol=1e-5)
    torch.testing.assert_close(model.predict(noisy, 300, content, depth, conditioning_scale=0.0), plain)


def test_guidance_over_time_is_a_sum_of_its_predictions(model):
    """Eq. 8 with the image model of the same U-Net."""
    noisy, content, depth = asked()
    nothing = torch.zeros_like(content)

    def network(video):
        def said(noisy, timestep, conditions):
            times = len(conditions)
            return model.predict(noisy, timestep, torch.cat(conditions), depth.repeat(times, 1, 1, 1), video=video)

        return said

    pictures, videos = network(False), network(True)
    branches = {
        IMAGE: Branch(pictures, nothing), UNCONDITIONAL: Branch(videos, nothing), CONDITIONAL: Branch(videos, content),
    }  # fmt: skip
    found = combined(branches, temporal_weights(1.2, 3.0))(noisy, 300)
    image = model.predict(noisy, 300, nothing, depth, video=False)
    free, told = (model.predict(noisy, 300, each, depth) for each in (nothing, content))
    torch.testing.assert_close(found, image + 1.2 * (free - image) + 3.0 * (told - free), atol=1e-4, rtol=1e-3)


def test_pictures_are_embedded_as_clip_sees_them(model):
    picture = torch.rand(2, 3, 8, 8) * 2 - 1
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)
    expected = model.image_encoder(((picture + 1) / 2 - mean) / std).image_embeds
    torch.testing.assert_close(model.embed(picture)[:, 0], expected, atol=1e-5, rtol=1e-4)
    assert model.embed(torch.rand(1, 3, 20, 31)).shape == (1, 1, 16)


def test_latents_come_back_frame_by_frame(model):
    video = torch.rand(2, 3, 3, 32, 48) * 2 - 1
    latents = model.encode(video)
    assert latents.shape == (2, 4, 3, 4, 6)
    torch.testing.assert_close(latents[1:, :, 2], 0.18215 * model.vae.encode(video[1:, :, 2]).latent_dist.mode())
    assert model.decode(latents).shape == video.shape
    levels = model.process.levels
    assert float(levels[1] ** 2) == pytest.approx(1 - 0.00085)
    assert float(levels[-1]) == pytest.approx(float((1 - torch.linspace(0.00085, 0.012, 1000).double()).prod().sqrt()))


def test_more_frames_than_the_motion_modules_know_are_refused(model):
    noisy, content, _ = asked(7)
    with pytest.raises(MethodError, match="knows 6 frames at once, not 7; use windows"):
        model.predict(noisy, 300, content)
    assert model.predict(noisy, 300, content, video=False).shape == noisy.shape
