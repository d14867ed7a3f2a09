"""The measures of the field, on edits whose values are known beforehand."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from onereel.base.errors import MetricError, WeightsError
from onereel.metrics.base import Context
from onereel.metrics.extracts import clip_images, clip_texts
from onereel.metrics.measures import MEASURES, Edit, choose, measure_edits
from onereel.metrics.measures.motion import is_still
from onereel.metrics.measures.tracks import Tracks, fidelity, track
from onereel.scenes.world import EditSet, KnownEdit
from onereel.video.clip import Frames
from tests.unit.metric_clips import frozen, noisy, shuffled, textured

FIVE = {name for name in MEASURES if name.startswith("five_")}
REAL = {"pickscore_v1", "structure_distance_dino_keys", "background_lpips_alex", "background_lpips_vgg", *FIVE}


class Shifts:
    """Exact flow between frames that `np.roll` makes of each other by up to three pixels."""

    title = "shifts"

    def estimate(self, first: Frames, second: Frames) -> np.ndarray:
        steps = [(dx, dy) for dx in range(-3, 4) for dy in range(-3, 4)]
        found = []
        for one, two in zip(first.astype(float), second.astype(float), strict=True):
            errors = [np.abs(np.roll(one, (dy, dx), (0, 1)) - two).mean() for dx, dy in steps]
            found.append(np.broadcast_to(np.float32(steps[int(np.argmin(errors))]), (*one.shape[:2], 2)))
        return np.stack(found)


def shifting(steps: list[tuple[int, int]], seed: int = 0) -> Frames:
    """A texture that is rolled by (dx, dy) from frame to frame."""
    frames = [textured((1, 48, 64), seed)[0]]
    for dx, dy in steps:
        frames.append(np.roll(frames[-1], (dy, dx), (0, 1)))
    return np.stack(frames)


SOURCE = shifting([(2, 1)] * 5)


def context(**given) -> Context:
    made = Context(weights="stand-in", **given)
    made.once(("flow", made.resolve("flow").name), Shifts)
    return made


def value(name: str, edit: Edit, where: Context | None = None):
    return MEASURES[name].measure(edit, where or context())


@cache
def known(kind: str) -> KnownEdit:
    (edit,) = EditSet(kinds=(kind,), number=1).edits()
    return edit


def asked(kind: str, output: Frames) -> Edit:
    edit = known(kind)
    return Edit(edit.name, edit.source, output, edit.prompt, edit.source_prompt, edit.mask, kind)


def test_both_frame_consistencies_are_what_their_names_say():
    where, clip = context(), textured((4, 32, 40))
    clip[2] = noisy(clip[2:3], 60)[0]
    images = clip_images(clip, where)
    pairs = [(a, b) for a in range(4) for b in range(4) if a != b]
    edit = Edit("one", clip, clip)
    all_pairs = float(np.mean([images[a] @ images[b] for a, b in pairs]))
    assert value("frame_consistency_all_pairs", edit, where).value == pytest.approx(all_pairs, abs=1e-6)
    consecutive = float(np.mean([images[a] @ images[a + 1] for a in range(3)]))
    assert value("frame_consistency_consecutive", edit, where).value == pytest.approx(consecutive, abs=1e-6)
    for name in ("frame_consistency_all_pairs", "frame_consistency_consecutive"):
        assert value(name, replace(edit, output=frozen(clip)), where).value == pytest.approx(1, abs=1e-5)
        assert value(name, Edit("one", clip[:1], clip[:1]), where).value is None


def test_text_measures_prefer_the_true_edit_to_the_source():
    edit = known("weather")
    right, wrong = asked("weather", edit.answer), asked("weather", edit.source)
    where = context()
    for name in ("text_alignment", "frame_success_rate"):
        assert value(name, right, where).value > value(name, wrong, where).value
    assert value("directional_similarity", right, where).value > 0.2
    backwards = replace(right, source=edit.answer, output=edit.source)
    assert value("directional_similarity", backwards, where).value == pytest.approx(
        -value("directional_similarity", right, where).value, abs=1e-5
    )
    assert value("text_alignment_x100", right, where).value == pytest.approx(
        100 * value("text_alignment", right, where).value
    )


def test_directional_similarity_is_a_mean_over_frames_and_not_a_similarity_of_means():
    edit, where = known("weather"), context()
    output = edit.answer.copy()
    output[:4] = edit.source[:4]
    found = value("directional_similarity", asked("weather", output), where)
    assert found.share == pytest.approx(12 / 16)
    made = (clip_images(output, where) - clip_images(edit.source, where))[4:]
    texts = clip_texts([edit.prompt, edit.source_prompt], where)
    wanted = texts[0] - texts[1]
    cosines = made @ wanted / np.linalg.norm(made, axis=1) / np.linalg.norm(wanted)
    assert found.value == pytest.approx(float(cosines.mean()), abs=1e-5)


def test_what_is_not_defined_is_none_with_a_reason_and_never_0():
    edit = asked("weather", known("weather").source)
    found = value("directional_similarity", edit)
    assert (found.value, found.note, found.share) == (None, "the edit is the source", 0.0)
    assert "say the same" in value("frame_success_rate", replace(edit, source_prompt=edit.prompt)).note
    assert value("text_alignment", replace(edit, prompt="")).note == "needs a prompt"
    assert value("frame_success_rate", replace(edit, source_prompt="")).note == "needs a source prompt"
    assert value("background_psnr", replace(edit, mask=None)).note == "needs a mask"
    everything = replace(edit, mask=np.ones(edit.source.shape[:3], bool))
    assert value("background_mse", everything).value is None
    for name in ("warp_error_source_flow", "motion_end_point_error", "motion_fidelity_flow_tracks"):
        assert value(name, Edit("m", SOURCE, SOURCE, moves=True)).note == "the edit is to change the motion"


def test_the_background_is_what_lies_outside_the_mask():
    mask = np.zeros(SOURCE.shape[:3], bool)
    mask[:, :, :20] = True
    output = SOURCE.copy()
    output[:, :, :20] = 255 - output[:, :, :20]
    inside = Edit("inside", SOURCE, output, mask=mask)
    assert value("background_mse", inside).value == 0
    assert value("background_ssim", inside).value == pytest.approx(1)
    everywhere = replace(inside, output=np.clip(SOURCE.astype(int) + 10, 0, 255).astype(np.uint8))
    difference = (everywhere.output.astype(float) - SOURCE)[~mask] / 255
    assert value("background_mse", everywhere).value == pytest.approx(float((difference**2).mean()), rel=1e-6)
    assert value("background_psnr", everywhere).value == pytest.approx(28.1, abs=0.3)
    assert value("background_psnr", inside).value > 70 > value("background_psnr", everywhere).value
    late = np.ones(SOURCE.shape[:3], bool)
    late[3:] = False
    found = value("background_psnr", replace(everywhere, mask=late))
    assert found.share == 0.5
    assert found.value == pytest.approx(28.1, abs=0.5)


def test_the_two_warp_errors_follow_two_flows():
    where = context()
    same = Edit("same", SOURCE, SOURCE)
    other_way = replace(same, output=shifting([(-2, 0)] * 5))
    flicker = replace(same, output=np.stack([frame // (1 + index % 2) for index, frame in enumerate(SOURCE)]))
    source_flow, own_flow = (
        lambda e, n=n: value(n, e, where) for n in ("warp_error_source_flow", "warp_error_own_flow")
    )
    assert source_flow(same).value == own_flow(same).value == pytest.approx(0, abs=1e-9)
    assert 0.8 < source_flow(same).share < 1, "what leaves the frame does not count"
    assert own_flow(other_way).value == pytest.approx(0, abs=1e-9)
    assert source_flow(other_way).value > 0.001
    assert source_flow(flicker).value > 0.01
    assert own_flow(replace(other_way, moves=True)).value == pytest.approx(0, abs=1e-9)


def test_few_valid_pixels_are_no_perfect_warp_error():
    where = context()

    class Lost:
        title = "lost"

        def estimate(self, first, second):
            return np.full((*first.shape[:3], 2), 500, np.float32)

    where._built[("flow", where.resolve("flow").name)] = Lost()
    found = value("warp_error_own_flow", Edit("lost", SOURCE, SOURCE), where)
    assert found.value is None
    assert found.share == 0
    assert "0 % of the pixels" in found.note


def test_motion_is_held_against_the_source():
    where = context()
    same = Edit("same", SOURCE, SOURCE)
    mirrored = replace(same, output=shifting([(-2, -1)] * 5, seed=3))
    across = replace(same, output=shifting([(1, -2)] * 5, seed=3))
    for name, best in (("motion_end_point_error", 0.0), ("motion_fidelity_flow_tracks", 1.0)):
        assert value(name, same, where).value == pytest.approx(best, abs=1e-6)
    assert value("motion_end_point_error", mirrored, where).value == pytest.approx(2 * np.hypot(2, 1), rel=1e-5)
    assert value("motion_fidelity_flow_tracks", mirrored, where).value == pytest.approx(-1, abs=1e-5)
    assert value("motion_fidelity_flow_tracks", across, where).value == pytest.approx(0, abs=1e-5)
    turned = replace(same, source=mirrored.output, output=SOURCE)
    assert value("motion_fidelity_flow_tracks", turned, where).value == pytest.approx(-1, abs=1e-5)


def test_motion_fidelity_of_stills_is_defined_and_symmetric():
    where, still = context(), frozen(SOURCE)
    assert value("motion_fidelity_flow_tracks", Edit("stills", still, still), where).value == 1
    assert value("motion_fidelity_flow_tracks", Edit("froze", SOURCE, still), where).value == 0
    half = Tracks(np.float32([[[1, 0]] * 4, [[0, 1]] * 4]), np.ones((2, 4), bool))
    one = Tracks(half.steps[:1], half.alive[:1])
    # Each way alone: every track of `one` has its like in `half`, but not the other way round.
    assert fidelity(one, half, 0.1)[0] == fidelity(half, one, 0.1)[0] == pytest.approx((1 + 0.5) / 2)
    lost = Tracks(one.steps, np.zeros((1, 4), bool))
    assert fidelity(lost, half, 0.1) == (None, 0.0)


def test_tracks_follow_the_flow_and_end_where_points_are_lost():
    flow = np.zeros((4, 32, 32, 2), np.float32)
    flow[..., 0] = 4
    tracks = track(flow, -flow, 4)
    assert (tracks.steps[tracks.alive] == [4, 0]).all()
    in_sight = tracks.alive.reshape(4, 4, 4)  # rows, columns (x = 3.5, 11.5, 19.5, 27.5), steps
    assert in_sight[:, :2].all()
    assert in_sight[0, 2].tolist() == [True, True, False, False]
    assert not in_sight[:, 3].any()


def test_stills_are_told_and_edits_of_motion_are_exempt():
    where = context()
    edits = [
        Edit("moves", SOURCE, shifting([(2, 1)] * 5, seed=4)),
        Edit("frozen", SOURCE, frozen(SOURCE)),
        Edit("slowed", SOURCE, frozen(SOURCE), moves=True),
        Edit("slow truth", SOURCE, shifting([(1, 0)] * 5), truth=shifting([(1, 0)] * 5)),
        Edit("still source", frozen(SOURCE), frozen(SOURCE)),
    ]
    assert [is_still(edit, where) for edit in edits] == [False, True, False, False, False]
    found = measure_edits(edits, context=where, measures=["dynamic_degree"])
    assert found.still == ["frozen"]
    assert "never ranked" in next(one["note"] for one in found.records if one["edit"] == "frozen")
    assert found.motion["slow truth"] == pytest.approx((1, 1))
    assert "slowed" not in found.motion


def test_records_say_everything_and_weights_that_are_missing_how_to_get_them():
    found = measure_edits([Edit("one", SOURCE, shuffled(SOURCE), "a pattern")], context=context())
    assert found.left_out.keys() == REAL
    assert all("onereel weights fetch" in reason for reason in found.left_out.values())
    assert {one["metric"] for one in found.records} == MEASURES.keys() - REAL
    assert all(
        (one["value"] is None) == bool(one["note"]) or one["metric"] == "dynamic_degree" for one in found.records
    )
    clip = next(one for one in found.records if one["metric"] == "text_alignment")
    assert clip["stand_in"]
    assert clip["column"] == "Text alignment (scene-trained CLIP)"
    assert clip["weights"].startswith("scene-trained CLIP ")
    with pytest.raises(WeightsError, match="onereel weights fetch pickscore-v1"):
        measure_edits([], context=context(), measures=["pickscore_v1"])
    with pytest.raises(MetricError, match="did you mean 'warp_error_own_flow'"):
        choose(["warp_error_own"])


def test_shapes_that_differ_are_refused():
    with pytest.raises(MetricError, match=r"edit 'short': is 5x48x64 .*, its source 6x48x64"):
        measure_edits([Edit("short", SOURCE, SOURCE[:5])], context=context())
    with pytest.raises(MetricError, match="its mask is 6x10x10"):
        measure_edits([Edit("mask", SOURCE, SOURCE, mask=np.zeros((6, 10, 10), bool))], context=context())


def test_one_pass_of_clip_and_of_flow_feeds_all_measures():
    where, seen = context(), []

    class Counting(Shifts):
        def estimate(self, first, second):
            seen.append(len(first))
            return super().estimate(first, second)

    where._built[("flow", where.resolve("flow").name)] = Counting()
    edits = [Edit(str(seed), SOURCE, noisy(SOURCE, 5, seed), "a pattern", "a texture") for seed in (1, 2)]
    measure_edits(edits, context=where)
    assert len(seen) == 2 * 3, "there and back, for one source and two edits"
