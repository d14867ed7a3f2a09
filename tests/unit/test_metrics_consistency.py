"""Frame consistency, prompt consistency and warp error on videos whose truth is known."""

import numpy as np
import pytest
import torch

from onereel.base.errors import MetricError
from onereel.metrics.consistency import FrameConsistency, PromptConsistency
from onereel.metrics.evaluation import evaluate
from onereel.metrics.warp_error import WarpError
from onereel.scenes import render
from onereel.scenes.world import Group, WorldSpec, render_specs
from onereel.video.clip import Clip
from onereel.video.warping import fetch, occluded


def plain_world() -> WorldSpec:
    """A fast red balloon in a clear sky: flow explains all that changes."""
    balloon = Group("balloon", "red", 1, "large", "right", "fast")
    return WorldSpec(5, "sky", "day", "clear", "plain", "still", (balloon,))


def test_frame_consistency_is_the_mean_cosine_of_neighbours() -> None:
    metric = FrameConsistency()
    vectors = np.array([[1, 0], [0, 1], [0, 1], [0.6, 0.8]], np.float32)
    np.testing.assert_allclose(metric.statistics(vectors), [0, 1, 0.8], atol=1e-6)
    assert metric.distance(metric.statistics(vectors)) == pytest.approx(0.6)


def test_prompt_consistency_is_the_mean_cosine_with_the_text() -> None:
    metric = PromptConsistency()
    vectors = np.array([[1, 0], [0, 1]], np.float32)
    assert metric.distance(metric.statistics(vectors, np.array([0.6, 0.8], np.float32))) == pytest.approx(0.7)


def test_fetching_moves_by_the_flow_and_knows_the_border() -> None:
    video = torch.arange(20.0).reshape(1, 1, 4, 5)
    flow = torch.zeros(1, 4, 5, 2)
    flow[..., 0], flow[..., 1] = 1.0, 0.5  # right by one, down by a half
    fetched, inside = fetch(video, flow)
    assert float(fetched[0, 0, 1, 2]) == pytest.approx((8 + 13) / 2)
    assert inside[0, :3, :4].all()
    assert not inside[0, 3].any()
    assert not inside[0, :, 4].any()


def test_flows_that_meet_are_seen_and_others_hidden() -> None:
    forward, backward = np.zeros((1, 8, 12, 2), np.float32), np.zeros((1, 8, 12, 2), np.float32)
    forward[..., 0], backward[..., 0] = 2, -2
    backward[0, :, 6] = 0  # what is there came from nowhere
    hidden = occluded(forward, backward)
    assert hidden[0, :, 4].all()
    assert not hidden[0, :, [0, 1, 2, 3, 6, 7]].any()


def test_true_flow_gives_next_to_no_warp_error_and_flicker_gives_its_size() -> None:
    batch = render_specs([plain_world()], frames=8, height=96, width=96)
    metric, frames, flow, hidden = WarpError(), batch.frames[0], batch.flow[0], batch.occluded[0]
    true = metric.distance(*metric.statistics(frames, flow, hidden))
    still = metric.distance(*metric.statistics(frames, np.zeros_like(flow), np.zeros_like(hidden)))
    wrong = metric.distance(*metric.statistics(frames, -flow, hidden))
    assert true < still / 5
    assert true < wrong / 5
    flicker = frames.copy()
    flicker[1::2] = (flicker[1::2].astype(np.int16) + 20).clip(0, 255).astype(np.uint8)
    brighter = metric.distance(*metric.statistics(np.minimum(flicker, 255), flow, hidden))
    assert brighter == pytest.approx((20 / 255) ** 2, rel=0.35)  # white clips
    assert brighter > 3 * true


def test_a_still_has_no_warp_error_and_perfect_frame_consistency() -> None:
    frame = render("balloons", seed=0, frames=2, height=64, width=64).frames[:1]
    still = Clip(frame.repeat(4, 0), 8)
    result = evaluate(still, {"0": still}, metrics=["frame_consistency", "warp_error"], weights="stand-in")
    values = {record["metric"]: record["value"] for record in result["records"]}
    assert values["frame_consistency"] == pytest.approx(1, abs=1e-5)
    assert values["warp_error"] < 1e-4


def test_prompt_consistency_needs_a_prompt_and_says_so() -> None:
    clip = Clip(np.zeros((3, 64, 64, 3), np.uint8), 8)
    with pytest.raises(MetricError, match="needs a prompt"):
        evaluate(clip, {"0": clip}, metrics=["prompt_consistency"], weights="stand-in")
    left = evaluate(clip, {"0": clip}, metrics=["psnr", "prompt_consistency"], weights="stand-in", strict=False)
    assert [record["metric"] for record in left["records"]] == ["psnr"]


def test_the_right_caption_wins_and_records_name_prompt_and_weights() -> None:
    scene = plain_world()
    frames = render_specs([scene], frames=3, fps=2).frames[0]
    clip = Clip(frames, 2)

    def value(prompt: str) -> float:
        found = evaluate(clip, {"0": clip}, metrics=["prompt_consistency"], weights="stand-in", prompt=prompt)
        (record,) = found["records"]
        assert record["protocol"]["prompt"] == prompt
        assert record["stand_in"]
        assert "scene-trained CLIP" in record["weights"]
        return record["value"]

    right = value("A large red balloon in the open sky.")
    assert right > value("A large blue balloon in the open sky.")
    assert right > value("Three small boats at sea at night.")
    assert right > value("A large red balloon in the open sky at night in the snow.")


def test_an_edit_is_warped_along_its_source() -> None:
    """A recoloured clip keeps the source's motion; a clip that moves otherwise does not."""
    batch = render_specs([plain_world()], frames=6, height=128, width=128, fps=4)
    source = Clip(batch.frames[0], 4)
    recoloured, reversed_ = Clip(source.frames[..., ::-1].copy(), 4), Clip(source.frames[:, :, ::-1].copy(), 4)
    samples = {"recoloured": recoloured, "mirrored": reversed_}

    def errors(flow_of):  # type: ignore[no-untyped-def]
        found = evaluate(source, samples, metrics=["warp_error"], weights="stand-in", flow_of=flow_of)
        assert {record["protocol"]["flow_of"] for record in found["records"]} == {flow_of}
        return {record["sample"]: record["value"] for record in found["records"]}

    along_source, along_own = errors("source"), errors("sample")
    assert along_source["mirrored"] > 2 * along_source["recoloured"]
    assert along_own["mirrored"] == pytest.approx(along_own["recoloured"], rel=0.5)
