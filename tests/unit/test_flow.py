"""Optical flow: known motions, RAFT's padding and checkpoints, which estimator is used, levels of speed."""

import itertools
import re

import numba
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage.registration import optical_flow_tvl1
from torchvision.models.optical_flow import raft_large, raft_small

from onereel import ingest
from onereel.base.errors import WeightsError
from onereel.base.files import sha256_of, write_json
from onereel.features.flow import ClassicalFlow, RaftFlow, magnitude_bins, optical_flow, resolve_flow
from onereel.scenes import render
from onereel.scenes.textures import Raster, random_field
from onereel.weights.store import Resolved, Weights


def drifting(step: tuple[float, float], frames: int = 3, height: int = 48, width: int = 64) -> np.ndarray:
    """(T, H, W, 3) uint8: a texture that moves by `step` pixels (dx, dy) a frame."""
    field = random_field(np.random.default_rng(0), 2.0, 2.0, slope=1.8, coarsest=0.4, texels=64)
    picture = Raster(field[..., None], 128, 0, 128, tiled=True)
    rows, columns = (axis.astype(np.float32) for axis in np.mgrid[:height, :width])
    shown = [picture.sample(columns - step[0] * index, rows - step[1] * index) for index in range(frames)]
    return np.clip(128 + 40 * np.stack(shown), 0, 255).astype(np.uint8).repeat(3, axis=-1)


@pytest.fixture(scope="module")
def small_raft() -> torch.nn.Module:
    torch.manual_seed(0)
    return raft_small(weights=None)


@pytest.fixture
def given(tmp_path):
    def weights(tensors) -> Resolved:
        path = tmp_path / "model.safetensors"
        save_file({key: value.contiguous() for key, value in tensors.items()}, path)
        return Resolved("given", "flow", "Given", "Given", "ab" * 32, False, {"model": (path, sha256_of(path))})

    return weights


@pytest.mark.parametrize("step", [(2.0, 0.0), (-1.5, 1.0), (0.0, -3.0)])
def test_a_shifted_texture_moves_by_its_shift(step):
    flow = optical_flow(drifting(step), estimator=ClassicalFlow())
    assert (flow.shape, flow.dtype) == ((2, 48, 64, 2), np.float32)
    inner = flow[:, 6:-6, 6:-6]
    np.testing.assert_allclose(np.median(inner, axis=(0, 1, 2)), step, atol=0.1 * np.hypot(*step))
    assert np.linalg.norm(inner - step, axis=-1).mean() < 0.1 * np.hypot(*step)


def test_a_scene_is_explained_better_than_by_no_motion():
    scene = render("balloons", frames=3, height=72, width=128, fps=4)
    found = optical_flow(scene.frames, estimator=ClassicalFlow())
    error = np.linalg.norm(found - scene.flow, axis=-1)[~scene.occluded].mean()
    assert error < 0.8 * np.linalg.norm(scene.flow, axis=-1)[~scene.occluded].mean()


@pytest.mark.parametrize(("height", "width"), [(8, 8), (33, 17)])
def test_odd_sizes_and_still_clips_with_the_classical_method(height, width):
    frames = drifting((1, 0), 1, height, width).repeat(3, axis=0)
    flow = optical_flow(frames, estimator=ClassicalFlow())
    assert flow.shape == (2, height, width, 2)
    assert not magnitude_bins(flow, 4).any()


def by_scikit_image(frames):
    """(T - 1, H, W, 2): the library whose scheme ours is, pair by pair."""
    grey = frames.astype(np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32) / 255
    found = [optical_flow_tvl1(*pair, attachment=30, prefilter=True) for pair in itertools.pairwise(grey)]
    return np.stack(found)[:, ::-1].transpose(0, 2, 3, 1)  # (dy, dx) -> (dx, dy)


def assert_the_same_flow(found, expected):
    """Up to rounding; where the last bit decides what a median takes, a few neighbours follow."""
    differences = np.abs(found - expected)
    assert differences.mean() < 1e-4
    assert np.quantile(differences, 0.999) < 0.01
    assert np.abs(expected).max() > 0.5


@pytest.mark.parametrize("scene", ["balloons", "birds", "sketch"])
def test_tv_l1_is_that_of_scikit_image(scene):
    frames = render(scene, seed=0, frames=3, height=73, width=128, fps=4).frames
    assert_the_same_flow(optical_flow(frames, estimator=ClassicalFlow()), by_scikit_image(frames))


@pytest.mark.peer
@pytest.mark.parametrize("clip", ["fish", "birds.gif"])
def test_tv_l1_is_that_of_scikit_image_on_real_clips(clip, shared):
    frames = ingest.load(shared / "data" / "clips" / clip).frames[:8:4]
    assert_the_same_flow(optical_flow(frames, estimator=ClassicalFlow()), by_scikit_image(frames))


def test_equal_frames_do_not_move():
    frames = np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)
    assert np.abs(ClassicalFlow().estimate(frames, frames)).max() < 1e-6


def test_a_pair_has_the_same_flow_whatever_others_and_however_many_threads_there_are(monkeypatch):
    frames, threads = drifting((1.5, -0.5), 6), numba.get_num_threads()
    together = optical_flow(frames, estimator=ClassicalFlow())
    alone = [optical_flow(frames[at : at + 2], estimator=ClassicalFlow())[0] for at in range(5)]
    np.testing.assert_array_equal(np.stack(alone), together)
    monkeypatch.setattr("onereel.features.flow._CHUNK", 1)
    monkeypatch.setattr("onereel.features.flow._TOGETHER", 2)
    np.testing.assert_array_equal(optical_flow(frames, estimator=ClassicalFlow()), together)
    try:
        numba.set_num_threads(1)
        np.testing.assert_array_equal(optical_flow(frames, estimator=ClassicalFlow()), together)
    finally:
        numba.set_num_threads(threads)


def test_one_frame_has_no_flow():
    flow = optical_flow(drifting((1, 0), frames=1), estimator=ClassicalFlow())
    assert flow.shape == (0, 48, 64, 2)
    np.testing.assert_array_equal(magnitude_bins(flow, 5), np.zeros((1, 48, 64)))


@pytest.mark.parametrize(("height", "width"), [(40, 56), (131, 139)])
def test_raft_takes_any_size(height, width, small_raft, given):
    estimator = RaftFlow(given(small_raft.state_dict()), updates=1)
    flow = optical_flow(drifting((1, 0), 2, height, width), estimator=estimator)
    assert (flow.shape, flow.dtype) == ((1, height, width, 2), np.float32)
    assert np.isfinite(flow).all()
    assert estimator.title == "Given abababababab"


@pytest.fixture
def echo(small_raft, given, monkeypatch):
    """An estimator whose network answers with its inputs' first channels, and what it saw."""
    estimator, seen = RaftFlow(given(small_raft.state_dict())), []
    monkeypatch.setattr(
        estimator,
        "model",
        lambda one, two, num_flow_updates: seen.append(one) or [torch.stack([one[:, 0], two[:, 0]], 1)],
    )
    return estimator, seen


def test_raft_sees_padded_frames_from_minus_one_to_one_and_is_cut_back_to_them(echo):
    estimator, seen = echo
    frames = np.random.default_rng(0).integers(0, 256, (2, 133, 150, 3), dtype=np.uint8)
    frames[0, 0, 0], frames[0, 0, 1] = 0, 255
    flow = optical_flow(frames, estimator=estimator)
    assert seen[0].shape == (1, 3, 136, 152)
    assert (float(seen[0].min()), float(seen[0].max())) == (-1, 1)
    np.testing.assert_allclose(flow[0], np.stack([frames[0, ..., 0], frames[1, ..., 0]], -1) / 127.5 - 1, atol=1e-6)


def test_small_frames_are_enlarged_for_raft_and_their_flow_is_in_their_own_pixels(echo):
    estimator, seen = echo
    frames = np.empty((2, 64, 80, 3), np.uint8)
    frames[0], frames[1] = 255, 0
    flow = optical_flow(frames, estimator=estimator)
    assert seen[0].shape == (1, 3, 128, 160)
    np.testing.assert_allclose(flow[0], np.broadcast_to([0.5, -0.5], (64, 80, 2)), atol=1e-6)


def test_raft_does_not_depend_on_chunks(small_raft, given):
    frames = drifting((1, 1), 3, 40, 40)
    weights = given(small_raft.state_dict())
    whole, single = (optical_flow(frames, estimator=RaftFlow(weights, updates=1, chunk=size)) for size in (1 << 19, 1))
    np.testing.assert_allclose(single, whole, atol=1e-3)


def test_raft_large_is_told_by_its_tensors(given):
    with torch.device("meta"):
        shapes = raft_large(weights=None).state_dict()
    estimator = RaftFlow(given({key: torch.zeros(value.shape, dtype=value.dtype) for key, value in shapes.items()}))
    assert estimator.model.mask_predictor is not None
    assert not any(tensor.is_meta for tensor in estimator.model.state_dict().values())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state.pop("update_block.flow_head.conv2.bias"), "conv2.bias' is missing"),
        (lambda state: state.update(extra=torch.zeros(1)), "'extra' is not part of it"),
        (lambda state: state.update({"update_block.flow_head.conv2.bias": torch.zeros(3)}), "(3,), expected (2,)"),
    ],
)
def test_other_tensors_are_refused_in_one_line(change, says, small_raft, given):
    state = dict(small_raft.state_dict())
    change(state)
    with pytest.raises(WeightsError, match=re.escape(says)) as error:
        RaftFlow(given(state))
    assert "\n" not in str(error.value)
    assert "onereel weights verify given" in str(error.value)


def test_the_classical_method_stands_in_where_there_are_no_weights(tmp_path):
    store = Weights(folder=tmp_path)
    assert resolve_flow("auto", store).title == resolve_flow("stand-in", store).title == "TV-L1"
    with pytest.raises(WeightsError, match="onereel weights fetch raft-large"):
        resolve_flow("real", store)
    with pytest.raises(WeightsError, match="no such mode"):
        resolve_flow("best", store)


def test_raft_is_used_where_its_weights_are(tmp_path, small_raft):
    folder = tmp_path / "raft-small"
    folder.mkdir()
    save_file({key: value.contiguous() for key, value in small_raft.state_dict().items()}, folder / "model.safetensors")
    part = {"sha256": sha256_of(folder / "model.safetensors"), "source_sha256": "01064c6d" * 8}
    write_json(folder / "weights.json", {"name": "raft-small", "licence": "BSD-3-Clause", "parts": {"model": part}})
    store = Weights(folder=tmp_path)
    assert resolve_flow("auto", store).title == resolve_flow("real", store).title == "RAFT small 01064c6d0106"
    assert isinstance(resolve_flow("stand-in", store), ClassicalFlow)


def flow_of(magnitudes) -> np.ndarray:
    """(T-1, H, W, 2) flow with these magnitudes and random directions."""
    angle = np.random.default_rng(1).uniform(0, 2 * np.pi, np.shape(magnitudes))
    return (np.stack([np.cos(angle), np.sin(angle)], -1) * np.asarray(magnitudes)[..., None]).astype(np.float32)


def test_levels_rise_with_the_magnitude_and_are_equally_full():
    magnitudes = np.random.default_rng(0).gamma(1.5, 4.0, (4, 20, 25))
    levels = magnitude_bins(flow_of(magnitudes), 6)
    assert (levels.shape, levels.dtype) == ((5, 20, 25), np.uint8)
    np.testing.assert_array_equal(levels[4], levels[3])
    assert (np.diff(levels[:4].ravel()[np.argsort(magnitudes, axis=None)].astype(int)) >= -1).all()
    bounds = [magnitudes[levels[:4] == level] for level in range(6)]
    assert all(low.max() <= high.min() + 1 / 64 for low, high in itertools.pairwise(bounds))
    np.testing.assert_allclose([len(part) for part in bounds], 2000 / 6, rtol=0.05)


@pytest.mark.parametrize("share", [0.05, 0.4, 0.6, 0.95])
def test_equal_magnitudes_share_a_level_however_many_they_are(share):
    moving = np.random.default_rng(0).random((2, 30, 30)) < share
    levels = magnitude_bins(flow_of(np.where(moving, 1.7, 0.0)), 6)[:2]
    np.testing.assert_array_equal(levels, np.where(moving, 5, 0))


def test_a_common_value_does_not_swallow_its_neighbours():
    magnitudes = np.repeat([0.0, 1.0, 2.0], [10, 80, 10]).reshape(1, 10, 10)
    np.testing.assert_array_equal(np.unique(magnitude_bins(flow_of(magnitudes), 3)), [0, 1, 2])


@pytest.mark.parametrize("speed", [0.0, 3.0])
def test_a_clip_of_one_speed_is_all_zeros(speed):
    assert not magnitude_bins(flow_of(np.full((3, 7, 9), speed)), 8).any()


@pytest.mark.parametrize("bins", [0, 257])
def test_levels_have_to_fit_a_byte(bins):
    with pytest.raises(ValueError, match="1 to 256"):
        magnitude_bins(np.zeros((1, 2, 2, 2), np.float32), bins)
