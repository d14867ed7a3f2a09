"""Pictures as coarse videos: the camera's paths, and the tasks that start from pictures."""

from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

from onereel.base.errors import MethodError
from onereel.jobs.fitting import train_parts
from onereel.jobs.sampling import SampleRequest, draw
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.dreamix.camera import moved, path_of, perspective
from onereel.methods.dreamix.coarse import coarse_of, coarse_video
from onereel.methods.dreamix.config import Camera
from onereel.methods.dreamix.pictures import pictures_of
from onereel.video.clip import Clip
from tests.unit.tiny_cascade import patched, tiny_cascade

METHOD = load_method("dreamix")
QUICK = {"num_inference_steps": 2, "spatial_steps": 1, "temporal_steps": 1, "frames_only_steps": 0}


pytestmark = pytest.mark.usefixtures("one_thread")


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def spot(height: int, width: int, top: int, left: int) -> torch.Tensor:
    picture = torch.zeros(3, height, width)
    picture[:, top : top + 4, left : left + 4] = 1
    return picture


def centre(picture: torch.Tensor) -> tuple[float, float]:
    """(row, column) of what is bright."""
    weight = picture[0].double()
    rows, columns = torch.meshgrid(*(torch.arange(side).double() for side in weight.shape), indexing="ij")
    return float((rows * weight).sum() / weight.sum()), float((columns * weight).sum() / weight.sum())


@pytest.mark.parametrize("camera", get_args(Camera))
def test_every_path_begins_with_the_picture_itself(camera):
    path = path_of(camera, 0.3, 9, 1.5, drawn())
    assert path.shape == (9, 3, 3)
    np.testing.assert_allclose(path[0], np.eye(3), atol=1e-9)
    picture = torch.rand(3, 20, 30, generator=drawn())
    torch.testing.assert_close(moved(picture, path[0]), picture, rtol=1e-4, atol=1e-5)
    assert (camera == "still") == np.allclose(path[-1], np.eye(3))


@pytest.mark.parametrize(
    ("camera", "way"),
    [("pan left", (0, 8)), ("pan right", (0, -8)), ("pan up", (4, 0)), ("pan down", (-4, 0))],
)
def test_a_panning_camera_moves_things_the_other_way_as_far_as_asked(camera, way):
    picture = spot(20, 40, 8, 18)
    path = path_of(camera, 0.2, 5, 2.0, drawn())
    found = [centre(moved(picture, each)) for each in path]
    start = found[0]
    for index, (row, column) in enumerate(found):
        assert row - start[0] == pytest.approx(way[0] * index / 4, abs=0.05)
        assert column - start[1] == pytest.approx(way[1] * index / 4, abs=0.05)


@pytest.mark.parametrize(("camera", "scale"), [("zoom in", 1.25), ("zoom out", 1 / 1.25)])
def test_a_zoom_keeps_the_middle_and_scales_what_is_around(camera, scale):
    path = path_of(camera, 0.25, 3, 1.0, drawn())
    row, column = centre(moved(spot(40, 40, 8, 26), path[-1]))
    assert row - 19.5 == pytest.approx(scale * (9.5 - 19.5), abs=0.1)
    assert column - 19.5 == pytest.approx(scale * (27.5 - 19.5), abs=0.1)


@pytest.mark.parametrize(("camera", "up"), [("rotate right", True), ("rotate left", False)])
def test_a_camera_that_turns_to_the_right_turns_things_to_the_left(camera, up):
    """A quarter turn, of a picture whose sides differ: distances stay what they were in pixels."""
    path = path_of(camera, 1.0, 2, 60 / 40, drawn())
    row, column = centre(moved(spot(40, 60, 18, 38), path[-1]))  # 10 pixels right of the middle
    assert column == pytest.approx(29.5, abs=0.1)
    assert row - 19.5 == pytest.approx(-10 if up else 10, abs=0.1)


def test_what_lies_outside_is_a_reflection():
    ramp = torch.arange(40.0).expand(3, 10, 40)
    shown = moved(ramp, path_of("pan right", 0.25, 2, 4.0, drawn())[-1])
    torch.testing.assert_close(shown[0, 0, :30], torch.arange(10.0, 40))
    torch.testing.assert_close(shown[0, 0, 30:], torch.arange(39.0, 29, -1))


def test_a_random_path_is_smooth_stays_near_and_is_the_seeds():
    path = path_of("random", 0.2, 129, 1.0, drawn(1))
    corners = np.array([[0, 0, 1.0], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
    places = np.stack([(corners @ each.T)[:, :2] / (corners @ each.T)[:, 2:] for each in path])
    away = np.abs(places - corners[:, :2])
    assert 0.05 < away.max() <= 0.2 + 1e-9
    bends = np.abs(np.diff(places, 2, axis=0)).max()
    assert bends < 0.15 * np.abs(np.diff(places, axis=0)).max(), "no jumps, and no corners"
    np.testing.assert_array_equal(path, path_of("random", 0.2, 129, 1.0, drawn(1)))
    assert not np.allclose(path, path_of("random", 0.2, 129, 1.0, drawn(2)))


def test_a_perspective_takes_corners_where_they_are_to_go():
    corners = np.array([[0.1, -0.1], [0.9, 0.05], [1.2, 1.1], [-0.05, 0.95]])
    transform = perspective(corners)
    for (x, y), expected in zip([(0, 0), (1, 0), (1, 1), (0, 1)], corners, strict=True):
        u, v, w = transform @ (x, y, 1)
        np.testing.assert_allclose((u / w, v / w), expected, atol=1e-9)


def test_several_pictures_take_turns_or_dissolve():
    pictures = [torch.full((3, 1, 4, 4), float(level)) for level in (0, 1, 2)]
    still = path_of("still", 0.1, 6, 1.0, drawn())
    cut = coarse_video(pictures, still, dissolve=False)[0, :, 0, 0]
    assert cut.tolist() == [0, 0, 1, 1, 2, 2]
    mixed = coarse_video(pictures, still, dissolve=True)[0, :, 0, 0]
    assert mixed.tolist() == pytest.approx([0, 0.4, 0.8, 1.2, 1.6, 2])


# Tasks


@pytest.fixture
def job(monkeypatch) -> Job:
    weights = patched(monkeypatch, tiny_cascade())
    return Job(torch.device("cpu"), backbones={weights.name: weights})


@pytest.fixture
def photos(tmp_path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, size in enumerate([(48, 96), (64, 64), (90, 50)]):
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


def request(task: Task, seed: int = 0) -> SampleRequest:
    return SampleRequest("r", "", "dreamix", task, "demo", seed)


def test_a_picture_becomes_a_video_of_its_aspect(job, photos):
    inputs = Inputs(files={"picture": photos / "0.png"}, prompt="a kite")
    config = configure(METHOD, "demo", {**QUICK, "camera": "pan left", "frames": 6}, task=Task.ANIMATE_IMAGE)
    sample, record = draw(METHOD, request(Task.ANIMATE_IMAGE), inputs, config, job)
    assert sample.size == (6, 64, 128)
    assert sample.fps == 8
    assert record["effects"].keys() == {"first frame to the picture, dB"}
    guides = METHOD.guides(Task.ANIMATE_IMAGE, inputs, config)
    assert guides["coarse video"].size[0] == 6
    coarse = guides["coarse video"].frames
    assert np.abs(coarse[0].astype(int) - coarse[-1]).mean() > 5, "the camera moves"


def test_what_counts_as_kept_is_the_first_frame(photos):
    inputs, config = Inputs(files={"picture": photos / "1.png"}, prompt="a"), configure(METHOD, "demo", QUICK)
    frames = np.repeat(pictures_of(inputs)[0], 3, 0)
    kept = METHOD.effects(Task.ANIMATE_IMAGE, inputs, config, Clip(frames))
    frames[1:] = 0
    assert METHOD.effects(Task.ANIMATE_IMAGE, inputs, config, Clip(frames)) == kept
    noisy = frames.copy()
    noisy[0] ^= 16
    lost = METHOD.effects(Task.ANIMATE_IMAGE, inputs, config, Clip(noisy))
    assert next(iter(lost.values())) == pytest.approx(20 * np.log10(255 / 16), abs=0.01)


def test_pictures_of_several_sizes_are_cut_to_the_first_ones_shape(photos):
    inputs, config = Inputs(files={"images": photos}, prompt="a"), configure(METHOD, "demo", {**QUICK, "frames": 6})
    coarse = coarse_of(inputs, config, 32, 6, drawn())
    assert coarse.shape == (3, 6, 32, 64)
    differences = [float((a - b).abs().mean()) for a, b in pairwise(coarse.unbind(1))]
    assert [value > 0.01 for value in differences] == [False, True, False, True, False]


def test_a_subject_is_learned_from_a_folder_and_drawn_by_its_name(job, photos, tmp_path):
    settings = {**QUICK, "frames_only_steps": 2, "stages": ["base"], "frames": 4, "pictures": 2}
    config = configure(METHOD, "demo", settings, task=Task.SUBJECT)
    inputs = Inputs(files={"images": photos}, prompt="a sks moves left")
    models = train_parts(METHOD, Task.SUBJECT, inputs, config, job, tmp_path / "models")
    assert set(models) == {"base-frames"}
    tuned = Job(job.device, models=models, backbones=job.backbones)
    sample, _ = draw(METHOD, request(Task.SUBJECT), inputs, config, tuned)
    assert sample.size == (4, 64, 64)
    other, _ = draw(METHOD, request(Task.SUBJECT, 1), inputs, config, tuned)
    assert not np.array_equal(sample.frames, other.frames)
    shared = METHOD.parts(Task.ANIMATE_IMAGE, config)
    assert set(shared) == {"base-frames"}, "a picture that moves is learned in the same way"


def test_a_folder_without_pictures_is_refused(job, tmp_path):
    config = configure(METHOD, "demo", QUICK, task=Task.SUBJECT)
    inputs = Inputs(files={"images": tmp_path}, prompt="a sks")
    with pytest.raises(MethodError, match="has no pictures"):
        draw(METHOD, request(Task.SUBJECT), inputs, config, job)
