"""VGPNN beyond random generation: each task on procedural scenes whose truth is known."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.measure import label, regionprops

from onereel import scenes
from onereel.base.errors import MethodError
from onereel.features.flow import ClassicalFlow
from onereel.jobs.inputs import resolve_backbones
from onereel.jobs.sampling import SampleRequest
from onereel.jobs.sampling import draw as draw_sample
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.vgpnn import VGPNNConfig, inpaint, retarget
from onereel.methods.vgpnn.holes import Hole, read_hole
from onereel.video.clip import Clip, Frames, to_frames, to_video
from onereel.video.pyramid import Ladder, resize
from onereel.weights.store import Resolved, Weights

VGPNN = load_method("vgpnn")
JOB = Job(torch.device("cpu"))
TVL1, own = ClassicalFlow(), Weights.resolve


def draw(task: Task, clip: Clip, settings: dict | None = None, seed: int = 0, preset: str = "fast", **inputs) -> Frames:
    config = configure(VGPNN, preset, settings or {})
    return VGPNN.sample(task, Inputs(clip, **inputs), config, seed, JOB)


def rendered(name: str, **options) -> Clip:
    scene = scenes.render(name, **options)
    return Clip(scene.frames, scene.fps)


def texture(frames: int = 6, height: int = 36, width: int = 48, seed: int = 0, blobs: int = 7) -> Clip:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(3, 3, blobs, blobs * width // height, generator=generator)
    return Clip(to_frames(resize(coarse, (frames, height, width)).mul(0.5)))


# Retargeting: discs of one radius and one velocity


def whole_discs(frame: np.ndarray) -> list:
    """Regions of saturated colour that do not touch the border."""
    values = frame.astype(int)
    height, width = frame.shape[:2]
    regions = regionprops(label(values.max(axis=-1) - values.min(axis=-1) > 90))
    inside = [r for r in regions if r.bbox[0] > 0 and r.bbox[1] > 0 and r.bbox[2] < height and r.bbox[3] < width]
    return [region for region in inside if region.area > 20]


def number_of_discs(frame: np.ndarray, radius: float) -> float:
    """From their area, so that discs at the border count in part."""
    values = frame.astype(int)
    return (values.max(axis=-1) - values.min(axis=-1) > 90).sum() / (np.pi * radius**2)


def mean_extent(frame: np.ndarray) -> np.ndarray:
    """Mean height and width of the discs in px."""
    return np.mean([(r.bbox[2] - r.bbox[0], r.bbox[3] - r.bbox[1]) for r in whole_discs(frame)], axis=0)


def median_speed(frames: Frames) -> float:
    """Pixels per frame, from the nearest disc in the next frame."""
    steps = []
    for before, after in pairwise(frames):
        places = np.array([region.centroid for region in whole_discs(after)])
        for region in whole_discs(before):
            if len(places):
                steps.append(np.hypot(*(places - region.centroid).T).min())
    return float(np.median([step for step in steps if step < 6]))


@pytest.mark.parametrize("scale", [(1, 1, 0.6), (1, 1, 1.6), (1, 1.5, 1)])
def test_objects_keep_their_size_while_their_number_changes(scale):
    clip = rendered("discs", seed=1, frames=8, height=96, width=168)
    radius = mean_extent(clip.frames[4]) / 2
    frames = draw(Task.RETARGET, clip, {"output_scale": list(scale)})
    assert frames.shape[:3] == tuple(round(n * s) for n, s in zip(clip.size, scale, strict=True))
    np.testing.assert_allclose(mean_extent(frames[4]) / 2, radius, rtol=0.1)
    before, after = (number_of_discs(video[4], radius.mean()) for video in (clip.frames, frames))
    assert after < 0.8 * before if min(scale) < 1 else after > 1.1 * before
    squeezed = to_frames(resize(to_video(clip.frames), frames.shape[:3]))
    assert (np.abs(mean_extent(squeezed[4]) / 2 / radius - 1) > 0.3).any(), "plain scaling would pass"


@pytest.mark.parametrize("scale", [0.5, 2])
def test_speeds_stay_when_the_length_changes(scale):
    clip = rendered("discs", seed=1, frames=16, height=72, width=128, fps=3)
    frames = draw(Task.RETARGET, clip, {"output_scale": [scale, 1, 1]})
    assert len(frames) == round(16 * scale)
    assert median_speed(frames) == pytest.approx(median_speed(clip.frames), rel=0.1)


def test_gradual_growth_starts_at_the_input_and_ends_at_the_target():
    sizes = VGPNNConfig().ladder.sizes((12, 96, 168))
    gradual = retarget.output_sizes(sizes, VGPNNConfig(output_scale=(2, 1, 0.5)))
    assert gradual[0] == sizes[0]
    assert gradual[-1] == (24, 96, 84)
    ratios = [size[2] / level[2] for size, level in zip(gradual, sizes, strict=True)]
    assert all(after < before + 0.03 for before, after in pairwise(ratios))
    at_once = retarget.output_sizes(sizes, VGPNNConfig(output_scale=(2, 1, 0.5), retarget_growth="at_once"))
    assert at_once[0] == (6, sizes[0][1], round(sizes[0][2] / 2))


def test_retargeting_to_the_same_size_is_refused():
    with pytest.raises(MethodError, match="output_scale"):
        draw(Task.RETARGET, texture())


# Inpainting


def boxes(folder: Path, *rows: str) -> Path:
    path = folder / "boxes.csv"
    path.write_text("frame,top,left,bottom,right,colour\n" + "\n".join(rows) + "\n")
    return path


def test_inpainting_changes_only_the_hole_and_follows_the_cue(tmp_path):
    clip = rendered("balloons", seed=1, frames=8, height=72, width=128)
    free = np.zeros(clip.size, bool)
    free[:, 20:44, 50:74] = True
    results = {}
    for cue in ((150, 190, 230), (170, 40, 30)):
        colour = "#{:02x}{:02x}{:02x}".format(*cue)
        frames = draw(Task.INPAINT, clip, files={"boxes": boxes(tmp_path, f"*,20,50,44,74,{colour}")})
        assert np.array_equal(frames[~free], clip.frames[~free]), "bit-identical outside"
        assert not (frames[free] == cue).all(axis=-1).any(), "the cue itself is never copied"
        results[cue] = frames[free].astype(float)
    pale, red = results.values()
    assert np.abs(pale - red).mean() > 10, "two cues, two completions"
    for cue, other in zip(results, reversed(results), strict=True):
        own = np.abs(results[cue].mean(axis=0) - cue).sum()
        assert own < np.abs(results[other].mean(axis=0) - cue).sum(), "each is nearer to its own cue"


def test_a_hole_in_a_repeating_pattern_is_filled_with_the_pattern(tmp_path):
    rows, columns = np.mgrid[0:48, 0:64]
    pattern = (127 + 100 * np.sin(rows / 2) * np.sin(columns / 2)).astype(np.uint8)
    clip = Clip(np.broadcast_to(pattern[None, ..., None], (6, 48, 64, 3)).copy())
    frames = draw(Task.INPAINT, clip, {"cue": [127, 127, 127]}, files={"boxes": boxes(tmp_path, "*,18,24,30,36,")})
    hole = np.s_[:, 18:30, 24:36]
    assert np.abs(frames[hole].astype(int) - clip.frames[hole]).mean() < 20
    assert np.abs(127 - clip.frames[hole].astype(int)).mean() > 35, "the cue alone would pass"


def test_mask_clips_mask_files_and_boxes_are_one_thing(tmp_path):
    clip = texture()
    mask = np.zeros((*clip.size, 3), np.uint8)
    mask[:, 10:20, 12:26] = 255
    inputs = Inputs(clip, clips={"mask": Clip(mask)})
    hole = read_hole(inputs, (1, 2, 3))
    still = read_hole(Inputs(clip, clips={"mask": Clip(mask[:1])}), (1, 2, 3))
    boxed = read_hole(Inputs(clip, files={"boxes": boxes(tmp_path, "0-5,10,12,20,26,#010203")}), None)
    for other in (still, boxed):
        assert np.array_equal(hole.free, other.free)
        assert np.array_equal(hole.frames, other.frames)
    assert (hole.frames[hole.free] == (1, 2, 3)).all()
    assert np.array_equal(hole.frames[~hole.free], clip.frames[~hole.free])
    assert hole.width() == pytest.approx(10, abs=1)
    moving = read_hole(Inputs(clip, files={"boxes": boxes(tmp_path, "0,0,0,5,5,", "1-2,3,3,9,9,")}), None)
    assert [int(frame.sum()) for frame in moving.free] == [25, 36, 36, 0, 0, 0]


@pytest.mark.parametrize(("side", "levels"), [(7, 2), (14, 5), (28, 9)])
def test_the_coarsest_level_shows_the_hole_as_one_patch(side, levels):
    free = np.zeros((4, 100, 160), bool)
    free[:, 30 : 30 + side, 40 : 40 + side] = True
    hole = Hole(free, np.zeros((4, 100, 160, 3), np.uint8))
    ladder = inpaint.ladder_of(hole, VGPNNConfig())
    assert ladder.levels == levels
    size = ladder.sizes((13, 100, 160))[0]
    if side > 7:
        assert 5 <= side * size[1] / 100 <= 9
    capped = VGPNNConfig(ladder=Ladder(levels=2))
    assert inpaint.ladder_of(hole, capped).levels == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "nothing is missing"),
        (["*,0,0,36,48,"], "everything is missing"),
        (["*,0,0,37,48,"], "leaves the clip"),
        (["9,0,0,5,5,"], "leaves the clip"),
        (["*,5,5,5,9,"], "leaves the clip"),
        (["*,a,5,8,9,"], "is not a box"),
        (["*,1,5,8,9,red"], "'red' is not a colour"),
        (["*,1,1,35,47,"], "every patch touches the hole"),
    ],
)
def test_holes_that_cannot_be_filled_are_one_clear_line(tmp_path, rows, message):
    with pytest.raises(MethodError, match=message):
        draw(Task.INPAINT, texture(), files={"boxes": boxes(tmp_path, *rows)})


def test_the_hole_is_outlined_for_people(tmp_path):
    clip = texture()
    table = tmp_path / "boxes.csv"
    table.write_text("frame,top,left,bottom,right,colour\n2,10,20,20,40,#c02030\n", "utf-8")
    (shown,) = VGPNN.guides(Task.INPAINT, Inputs(clip, files={"boxes": table}), configure(VGPNN, "demo")).values()
    expected = clip.frames.copy()
    expected[2, 10:20, 20:40] = 255
    expected[2, 11:19, 21:39] = (0xC0, 0x20, 0x30)
    assert np.array_equal(shown.frames, expected)


def test_inpainting_needs_one_hole_of_the_right_size(tmp_path):
    clip = texture()
    with pytest.raises(MethodError, match="'boxes' and 'mask'"):
        draw(Task.INPAINT, clip)
    with pytest.raises(MethodError, match="got both"):
        draw(Task.INPAINT, clip, clips={"mask": clip}, files={"boxes": boxes(tmp_path)})
    with pytest.raises(MethodError, match="6x10x48"):
        draw(Task.INPAINT, clip, clips={"mask": Clip(clip.frames[:, :10])})
    bad = tmp_path / "bad.csv"
    bad.write_text("frame,x,y\n")
    with pytest.raises(MethodError, match="unknown column 'x'; choose one of frame, top, left"):
        draw(Task.INPAINT, clip, files={"boxes": bad})


# Analogies and sketches


def blocks(bright: tuple[int, int, int], dark: tuple[int, int, int], *, moving: bool, frames: int = 8) -> Clip:
    """A bright half over a dark one with fine texture; `moving`: a bright square runs through the dark half."""
    noise = np.random.default_rng(0).integers(-6, 7, (1, 64, 96, 3))
    out = np.empty((frames, 64, 96, 3))
    out[:, :32], out[:, 32:] = bright, dark
    if moving:
        for t in range(frames):
            out[t, 40:58, 6 + 9 * t : 24 + 9 * t] = bright
    return Clip(np.clip(out + noise, 0, 255).astype(np.uint8))


def lightness(frames: Frames) -> np.ndarray:
    return to_video(frames).mean(dim=0).numpy()


def test_an_analogy_has_the_layout_of_one_clip_and_the_colours_of_the_other():
    content, style = blocks((200, 200, 200), (60, 60, 60), moving=True), texture(8, 64, 96)
    style = Clip(
        np.where(style.frames.mean(axis=-1, keepdims=True) > 127, (240, 200, 40), (40, 20, 90)).astype(np.uint8)
    )
    frames = draw(Task.ANALOGY, content, clips={"style": style})
    assert frames.shape == content.frames.shape
    colours = {tuple(colour) for colour in np.unique(frames.reshape(-1, 3), axis=0)}
    for channel in range(3):
        assert {c[channel] for c in colours} <= set(np.unique(style.frames[..., channel]))
    agreement = np.corrcoef(lightness(frames).ravel(), lightness(content.frames).ravel())[0, 1]
    assert agreement > 0.6
    still = np.corrcoef(lightness(frames).ravel(), lightness(content.frames)[::-1].ravel())[0, 1]
    assert agreement > still + 0.1, "it moves as the content does"


def test_an_analogy_takes_the_content_s_size_whatever_the_style_s():
    frames = draw(Task.ANALOGY, texture(6, 54, 60), clips={"style": texture(9, 72, 96, seed=1)})
    assert frames.shape == (6, 54, 60, 3)


def test_a_style_that_moves_is_used_where_the_content_moves():
    """Two greys that look alike; in the style the left one flickers sideways, the right one is still."""
    generator = np.random.default_rng(0)
    tile = generator.integers(90, 166, (64, 140, 1)).repeat(3, axis=2).astype(np.uint8)
    style = np.stack([tile[:, :96].copy() for _ in range(8)])
    for t in range(8):
        style[t, :, :48] = tile[:, 3 * t : 3 * t + 48]
    style[:, :, :48, 0] += 12  # what moves is a little red: a mark for the test
    content = np.stack([tile[:, :96] for _ in range(8)])
    for t in range(8):
        content[t, :, 48:] = tile[:, 3 * t : 3 * t + 48]  # here the right half moves
    settings = {"flow_bins": 2, "flow_weight": 1, "flow_share": 1}
    found = {}
    for bins in (0, 2):
        frames = draw(Task.ANALOGY, Clip(content), {**settings, "flow_bins": bins}, clips={"style": Clip(style)})
        redness = frames[..., 0].astype(int) - frames[..., 1]
        found[bins] = redness[:, :, 56:88].mean() - redness[:, :, 8:40].mean()
    assert found[2] > 4
    assert found[2] > found[0] + 2


def test_a_sketch_is_drawn_in_the_style_of_the_clip():
    sketch = rendered("sketch", seed=2, frames=8, height=72, width=128)
    style = texture(8, 72, 128, seed=3, blobs=12)
    frames = draw(Task.SKETCH, style, clips={"sketch": sketch})
    strokes = sketch.frames.mean(axis=-1) > 127
    light = lightness(frames)
    for part in (slice(0, 4), slice(4, 8)):
        on, off = light[part][strokes[part]], light[part][~strokes[part]]
        assert on.mean() > off.mean() + 0.15
    for channel in range(3):
        assert set(np.unique(frames[..., channel])) <= set(np.unique(style.frames[..., channel]))


def test_optical_flow_is_asked_for_only_where_speeds_are_compared():
    asked = {
        (task, bins): VGPNN.backbones(task, configure(VGPNN, "fast", {} if bins is None else {"flow_bins": bins}))
        for task, bins in ((Task.ANALOGY, None), (Task.ANALOGY, 0), (Task.SKETCH, None), (Task.SKETCH, 4))
    }
    assert asked == {
        (Task.ANALOGY, None): ("flow",),
        (Task.ANALOGY, 0): (),
        (Task.SKETCH, None): (),
        (Task.SKETCH, 4): ("flow",),
    }
    assert VGPNN.backbones(Task.GENERATE, configure(VGPNN, "fast")) == ()


@pytest.mark.parametrize(("mode", "title"), [("stand-in", "TV-L1"), ("real", "RAFT 0123456789ab")])
def test_the_flow_that_was_asked_for_is_used_and_recorded(monkeypatch, mode, title):
    used = []
    real = Resolved("raft", "flow", "RAFT", "RAFT", "0123456789abcdef" * 4, stand_in=False, parts={})
    monkeypatch.setattr(
        Weights, "resolve", lambda store, role, mode="auto": real if mode == "real" else own(store, role, mode)
    )
    monkeypatch.setattr("onereel.features.flow.estimator_of", lambda weights, device: used.append(weights) or TVL1)
    config = configure(VGPNN, "demo", {"flow_bins": 2}, task=Task.ANALOGY)
    clip, other = rendered("balloons", seed=1, frames=6, height=48, width=48), texture(6, 48, 48, seed=1, blobs=4)
    job = replace(JOB, backbones=resolve_backbones(VGPNN, Task.ANALOGY, config, mode))
    request = SampleRequest("r", "c", "vgpnn", Task.ANALOGY, "demo", 0)
    _, record = draw_sample(VGPNN, request, Inputs(clip, clips={"style": other}), config, job)
    assert [weights.printed for weights in used] == [title]
    assert record["backbones"] == {"flow": title}


@pytest.mark.parametrize(("task", "role"), [(Task.ANALOGY, "style"), (Task.SKETCH, "sketch")])
def test_a_second_clip_is_asked_for(task, role):
    with pytest.raises(MethodError, match=f"{role}=clip:NAME"):
        draw(task, texture())


# GPNN*


def test_gpnn_finds_what_patchmatch_approximates():
    gpnn, clip = load_method("gpnn"), texture(5, 24, 30)
    assert configure(gpnn, "paper").search.method == "exhaustive"
    exact = gpnn.sample(Task.GENERATE, Inputs(clip), configure(gpnn, "demo"), 0, JOB)
    same = draw(Task.GENERATE, clip, {"search.method": "exhaustive", "em_iterations": 2}, preset="paper")
    assert np.array_equal(exact, same)
