"""Depth-to-image that goes on from its last result, on tiny random models."""

import math

import numpy as np
import pytest
import torch

from onereel.methods import Task, load_method
from onereel.methods.deforum.editing import backward_flows, edited, moved_along, with_colours_of
from onereel.methods.deforum.motion import camera_flow
from onereel.methods.sdedit.editing import Editing
from onereel.video.clip import Clip
from onereel.video.warping import fetch
from tests.unit import frame_editors as tools

METHOD = load_method("deforum")


@pytest.fixture(autouse=True)
def small(monkeypatch, one_thread):
    tools.narrow(monkeypatch)
    with torch.no_grad():
        yield


def editing_of(tmp_path, flow=(0.0, 0.0), kind: str = "latent-world", clip: Clip | None = None, **settings) -> Editing:
    clip, weights = clip or tools.moving_clip(3), tools.model_of(kind, tmp_path / "model")
    config = tools.settings_of("deforum", weights, **settings)
    made = {"depth": tools.depth_of(clip, tmp_path), "flow": tools.flow_of(clip, tmp_path, *flow)}
    return Editing(tools.inputs_of(clip, tmp_path, **made), config, tools.job_of(weights), depth=True)


def drawn(editing: Editing, seed: int = 0) -> torch.Tensor:
    return edited(editing, editing.config, torch.Generator().manual_seed(seed))


def exact_flow(depth: torch.Tensor, shift, turn, fov: float) -> torch.Tensor:
    """Of a camera that moves and turns a little, pixel by pixel."""
    height, width = depth.shape
    focal = width / 2 / math.tan(math.radians(fov) / 2)
    found = torch.zeros(height, width, 2)
    for row in range(height):
        for column in range(width):
            x, y = (column - (width - 1) / 2) / focal, (row - (height - 1) / 2) / focal
            point = np.array([x, y, 1.0]) / float(depth[row, column])
            velocity = -np.array(shift) - np.cross(turn, point)
            dx = (velocity[0] - x * velocity[2]) / point[2]
            dy = (velocity[1] - y * velocity[2]) / point[2]
            found[row, column] = focal * torch.tensor([dx, dy])
    return found


@pytest.mark.parametrize(
    ("shift", "turn"), [((0.02, 0, 0), (0, 0, 0)), ((0.01, -0.02, 0.05), (0.01, -0.02, 0.03)), ((0, 0, 0.1), (0, 0, 0))]
)
def test_the_camera_is_found_though_depth_has_no_scale_and_something_moves_by_itself(shift, turn):
    generator = torch.Generator().manual_seed(0)
    depth = 0.5 + torch.rand(12, 20, generator=generator)
    truth = exact_flow(depth, shift, turn, 50)
    seen = truth.clone()
    seen[2:6, 3:9] += torch.tensor([5.0, -3.0])  # a tenth of the pixels
    found = camera_flow(seen, 0.3 * depth - 0.1, field_of_view=50)
    assert (found - truth).norm(dim=-1).max() < 0.02 * max(1.0, float(truth.norm(dim=-1).max()))


def test_before_a_still_camera_nothing_moves_but_what_the_flow_moves(tmp_path):
    still = editing_of(tmp_path)
    assert backward_flows(still, still.config)[0].abs().max() < 1e-4
    flow = torch.zeros(16, 24, 2)
    flow[2:6, 4:10] = torch.tensor([-2.0, 0.0])
    depth = torch.linspace(0, 1, 16)[:, None].expand(16, 24)
    assert camera_flow(flow, depth, field_of_view=40).abs().max() < 0.05
    asked = editing_of(tmp_path, (3.0, -1.5), motion="flow")
    (tall, wide), (height, width) = asked.size, asked.inputs.clip.size[1:]
    (found, _) = backward_flows(asked, asked.config)
    torch.testing.assert_close(found[4, 4], torch.tensor([-3.0 * wide / width, 1.5 * tall / height]), atol=1e-2, rtol=0)


@pytest.mark.parametrize("kind", ["latent-world", "stable-diffusion-depth"])
def test_without_renewal_the_first_result_only_moves(kind, tmp_path):
    editing = editing_of(tmp_path, (3.0, 0.0), kind, strength=0, motion="flow", colours="free")
    first, second, third = (one[None] for one in drawn(editing))
    wide = editing.size[1]
    flow = torch.zeros(*editing.size, 2)
    flow[..., 0] = -3.0 * wide / editing.inputs.clip.size[2]
    for before, after in ((first, second), (second, third)):
        expected = editing.decode(editing.encode(fetch(before, flow[None])[0]))
        torch.testing.assert_close(after, expected, atol=2e-3, rtol=1e-2)
    assert not torch.allclose(first, second, atol=1e-2)


def test_what_was_right_of_a_pixel_comes_from_there():
    picture = torch.zeros(1, 3, 4, 8)
    picture[:, :, :, 2] = 1
    flow = torch.zeros(4, 8, 2)
    flow[..., 0] = -3  # what is seen now was three pixels to the left before
    assert moved_along(picture, flow)[0, 0, 0].tolist() == [0, 0, 0, 0, 0, 1, 0, 0]


def test_a_frame_starts_from_the_last_result(tmp_path):
    """With all the noise it is what `depth_image` makes."""
    forgetful = editing_of(tmp_path, strength=1.0, colours="free")
    noise = forgetful.noise(torch.Generator().manual_seed(0))
    alone = forgetful.decode(forgetful.renewed(forgetful.latents[2:], noise[2:], 1.0, slice(2, 3)))
    whole = drawn(forgetful)
    torch.testing.assert_close(whole[2:], alone)
    keeping = editing_of(tmp_path, strength=0.5, colours="free")
    first, second, _ = drawn(keeping).split(1)
    assert torch.equal(first, whole[:1])
    started = keeping.renewed(keeping.encode(first), noise[1:2], 0.5, slice(1, 2))
    torch.testing.assert_close(second, keeping.decode(started), atol=1e-3, rtol=1e-3)


def test_colours_are_those_of_the_first_result():
    generator = torch.Generator().manual_seed(0)
    model = 0.4 * torch.rand(1, 3, 16, 16, generator=generator)
    drifted = (1.5 * model - 0.4).flip(-1)
    mended = with_colours_of(drifted, model)
    assert (mended.flip(-1) - model).abs().mean() < 0.1 * (drifted.flip(-1) - model).abs().mean()
    torch.testing.assert_close(with_colours_of(model, model), model, atol=1e-3, rtol=0)


def test_samples_have_the_clips_size_and_follow_from_their_seeds(tmp_path):
    weights, clip = tools.model_of("latent-world", tmp_path / "m"), tools.moving_clip(3)
    made = {"depth": tools.depth_of(clip, tmp_path), "flow": tools.flow_of(clip, tmp_path)}
    inputs, config = tools.inputs_of(clip, tmp_path, **made), tools.settings_of("deforum", weights)
    one, two = METHOD.sample_many(Task.EDIT_STRUCTURE, inputs, config, [0, 1], tools.job_of(weights))
    (again,) = METHOD.sample_many(Task.EDIT_STRUCTURE, inputs, config, [1], tools.job_of(weights))
    assert one.shape == clip.frames.shape
    assert np.array_equal(two, again)
    assert not np.array_equal(one, two)
    assert set(METHOD.requires(Task.EDIT_STRUCTURE, config)) == {("clip", "depth"), ("clip", "flow")}


def test_a_single_picture_needs_no_motion(tmp_path):
    clip = Clip(tools.moving_clip(3).frames[:1])
    weights = tools.model_of("latent-world", tmp_path / "m")
    inputs = tools.inputs_of(clip, tmp_path, depth=tools.depth_of(clip, tmp_path))
    (found,) = METHOD.sample_many(
        Task.EDIT_STRUCTURE, inputs, tools.settings_of("deforum", weights), [0], tools.job_of(weights)
    )
    assert found.shape == clip.frames.shape
