"""Held-out tests: what is held out, what the baselines make of it, what is measured, and what is refused."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from onereel.base.errors import ClipError, ConfigError, MethodError
from onereel.base.files import json_number, read_json
from onereel.features.flow import ClassicalFlow
from onereel.heldout import baselines
from onereel.heldout.hold_out import HoldOut, Kind, alternate, find_origins, known_clip, past_length
from onereel.heldout.measure import Shot, measure, summarise
from onereel.heldout.names import BASELINES
from onereel.jobs.heldout import Outcome, conduct, write_outcome
from onereel.jobs.sampling import SampleRequest
from onereel.methods import BaseMethod, Inputs, Job, MethodConfig, Task
from onereel.metrics.align import resize_frames
from onereel.project.heldout import HeldOutRow, check_settings, read_heldout_sheet
from onereel.project.runs import RunRow
from onereel.report.load.heldout import HeldOutEntry, load_heldout
from onereel.report.load.project import MetricRecord, RunEntry
from onereel.report.page.heldout_views import verdict
from onereel.scenes import render_spec
from onereel.video.clip import Clip, read

AHEAD = HoldOut(Kind.PREDICTION, keep=0.7, horizon=3)
BETWEEN = HoldOut(Kind.INTERPOLATION)
LARGER = HoldOut(Kind.SUPER_RESOLUTION, factor=2)


def numbered(count: int) -> Clip:
    """A clip whose frames say which they are."""
    frames = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 8, 10, 3))
    return Clip(np.ascontiguousarray(frames), Fraction(12))


def scene(text: str) -> Clip:
    return Clip(render_spec(f"scene:{text}").frames, Fraction(12))


class Oracle(BaseMethod):
    """Knows the clip, and keeps what it was given."""

    name = title = "oracle"
    tasks = frozenset({Task.EXTRAPOLATE, Task.UPSAMPLE_TIME, Task.SUPER_RESOLVE})

    class Config(MethodConfig):
        extrapolate_frames: int = 3
        upsample_factor: int = 2
        super_factor: int = 2

    def __init__(self, clip: Clip, error: int = 0) -> None:
        self.clip, self.error = clip, error
        self.given: list[Inputs] = []

    def sample_many(self, task, inputs, config, seeds, job):
        return [self.answer(task, inputs, config) for _ in seeds]

    def answer(self, task, inputs, config):
        self.given.append(inputs)
        count = len(inputs.clip.frames)
        if task is Task.SUPER_RESOLVE:
            return self.clip.frames + np.uint8(self.error)
        if task is Task.UPSAMPLE_TIME:
            frames = self.clip.frames[: 2 * count - 1].copy()
            frames[1::2] += np.uint8(self.error)
            return Clip(frames, inputs.clip.fps * 2)
        frames = self.clip.frames[: count + config.extrapolate_frames].copy()
        frames[count:] += np.uint8(self.error)
        return frames


def conducted(method: BaseMethod, clip: Clip, split: HoldOut, seeds=(0,)) -> Outcome:
    request = SampleRequest(run="heldout:x", clip="c", method=method.name, task=split.kind.task, preset="demo", seed=0)
    return conduct(
        method,
        request,
        seeds,
        clip,
        split,
        method.Config(),
        Job(torch.device("cpu")),
        flow=ClassicalFlow(),
        weights="auto",
    )


def values(outcome: Outcome, source: str, metric: str) -> list[float]:
    return [r["value"] for r in outcome.record["records"] if (r["source"], r["metric"]) == (source, metric)]


# What is held out


@pytest.mark.parametrize(
    ("frames", "keep", "known"), [(10, 0.7, 7), (15, 0.7, 11), (14, 0.7, 10), (5, 0.5, 3), (9, 0.5, 5), (25, 0.58, 15)]
)
def test_the_known_part_is_rounded_to_the_nearest_frame_halves_up(frames, keep, known):
    assert past_length(frames, keep) == known


def test_the_known_clips_hold_no_held_out_frame():
    for count in range(7, 40):
        clip = numbered(count)
        past = known_clip(clip, HoldOut(Kind.PREDICTION, horizon=2)).frames[:, 0, 0, 0]
        origins = find_origins(count, HoldOut(Kind.PREDICTION, horizon=2))
        assert list(past) == list(range(len(past)))
        assert origins == tuple(range(len(past) - 1, count - 2))
        known = known_clip(clip, BETWEEN)
        given, held = alternate(count)
        assert list(known.frames[:, 0, 0, 0]) == list(given)
        assert known.fps == 6
        assert not set(given) & set(held)
        assert all(at - 1 in given and at + 1 in given for at in held)
        assert set(given) | set(held) == set(range(count - (count + 1) % 2))


def test_the_known_clip_of_a_super_resolution_is_the_clip_made_smaller():
    frames = np.zeros((2, 19, 32, 3), np.uint8)
    frames[:, :, 16:] = 200
    frames[:, 18] = 77  # one row too many for a factor of 2
    small = known_clip(Clip(frames, Fraction(12)), LARGER)
    assert (small.size, small.fps) == ((2, 9, 16), 12)
    np.testing.assert_array_equal(small.frames[:, :, :6], 0)
    np.testing.assert_array_equal(small.frames[:, :, 10:], 200)
    with pytest.raises(ClipError, match="would be 4x5"):
        known_clip(numbered(3), LARGER)


def test_a_limit_on_origins_keeps_the_first_and_spreads_the_rest():
    split = HoldOut(Kind.PREDICTION, horizon=2, origins=3)
    assert find_origins(40, split) == (27, 30, 34)
    assert find_origins(40, HoldOut(Kind.PREDICTION, horizon=2, origins=99)) == tuple(range(27, 38))


def test_clips_that_are_too_short_are_refused():
    with pytest.raises(ClipError, match="of its 10 frames 7 are known and 3 held out"):
        known_clip(numbered(10), HoldOut(Kind.PREDICTION, horizon=4))
    with pytest.raises(ClipError, match="of its 3 frames 1 are known"):
        known_clip(numbered(3), HoldOut(Kind.PREDICTION, keep=0.2, horizon=1))
    with pytest.raises(ClipError, match="3 are needed"):
        known_clip(numbered(2), BETWEEN)


def test_a_method_is_given_nothing_after_the_origin():
    clip = numbered(14)
    oracle = Oracle(clip)
    test = conducted(oracle, clip, AHEAD, seeds=(0, 1))
    assert test.record["origins"] == [9, 10]
    assert [int(given.clip.frames[:, 0, 0, 0].max()) for given in oracle.given] == [9, 10, 9, 10]
    oracle = Oracle(clip)
    conducted(oracle, clip, BETWEEN)
    assert list(oracle.given[0].clip.frames[:, 0, 0, 0]) == [0, 2, 4, 6, 8, 10, 12]


# Baselines


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_constant_motion_is_carried_on_better_than_not_at_all(seed):
    clip = scene(f"discs?seed={seed}&frames=14&height=54&width=96")
    test = conducted(Oracle(clip), clip, AHEAD)
    repeat, flow = (values(test, name, "psnr") for name in ("repeat_last", "flow_extrapolation"))
    assert all(better > worse + 1 for better, worse in zip(flow, repeat, strict=True))
    between = conducted(Oracle(clip), clip, BETWEEN)
    blend, moved = (np.mean(values(between, name, "psnr")) for name in ("linear_blend", "flow_interpolation"))
    assert moved > blend + 0.3
    blend, moved = (np.mean(values(between, name, "ssim")) for name in ("linear_blend", "flow_interpolation"))
    assert moved > blend


class KnownFlow:
    """A flow that is told."""

    title = "told"

    def __init__(self, *flows: np.ndarray) -> None:
        self.flows = list(flows)

    def estimate(self, first, second):
        return np.repeat(self.flows.pop(0)[None], len(first), axis=0).astype(np.float32)


def square(left: int) -> np.ndarray:
    picture = np.full((16, 40, 3), 50, np.uint8)
    picture[5:11, left : left + 6] = 200
    return picture


def test_a_square_moves_by_its_own_size_and_more_and_its_ground_stays():
    past = np.stack([square(4), square(7)])
    back = np.zeros((16, 40, 2))
    back[5:11, 7:13, 0] = -3  # from the last frame to the one before
    predicted = baselines.predict(past, 7, KnownFlow(back))["flow_extrapolation"]
    for ahead, frame in enumerate(predicted, 1):
        assert (frame == square(7 + 3 * ahead)).all(axis=-1).mean() > 0.93, ahead
        assert frame[8, 7 + 3 * ahead + 2, 0] == 200
    assert (predicted[6][5:11, 28:34] == 200).all()
    assert predicted[6][8, 20, 0] == 50


def test_interpolation_takes_what_one_frame_hides_from_the_other():
    onward, back = np.zeros((16, 40, 2)), np.zeros((16, 40, 2))
    onward[5:11, 4:10, 0], back[5:11, 12:18, 0] = 8, -8
    made = baselines.interpolate(np.stack([square(4), square(12)]), KnownFlow(onward, back))
    assert (made["flow_interpolation"][0][8, 9:13] == 200).all()
    assert (made["flow_interpolation"][0] == square(8)).all(axis=-1).mean() > 0.95
    assert (made["linear_blend"][0] == 125).any()


def test_a_constant_way_shifts_and_repeats_the_border():
    picture = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    back = np.full((9, 12, 2), 0.0)
    back[..., 0] = -2
    moved = baselines.predict(np.stack([picture, picture]), 1, KnownFlow(back))["flow_extrapolation"][0]
    assert (moved[:, 2:] == picture[:, :-2]).all()
    assert (moved[:, :2] == picture[:, :1]).all()


def test_a_picture_that_left_stays_as_it_was():
    picture = square(4)
    predicted = baselines.predict(np.stack([picture, picture]), 3, KnownFlow(np.full((16, 40, 2), -30.0)))
    assert (predicted["flow_extrapolation"] == picture).all()


def test_a_still_clip_is_predicted_perfectly_by_everything():
    frames = np.repeat(np.random.default_rng(1).integers(0, 256, (1, 20, 24, 3), np.uint8), 14, axis=0)
    clip = Clip(frames)
    for split in (AHEAD, BETWEEN):
        test = conducted(Oracle(clip), clip, split)
        assert {r["value"] for r in test.record["records"] if r["metric"] == "psnr"} == {math.inf}
        assert {r["value"] for r in test.record["records"] if r["metric"] == "ssim"} == {1.0}


# Measuring


def test_truth_has_infinite_psnr_and_a_known_error_its_own():
    clip = numbered(14)
    for split in (AHEAD, BETWEEN):
        assert set(values(conducted(Oracle(clip), clip, split), "method", "psnr")) == {math.inf}
        found = values(conducted(Oracle(clip, error=5), clip, split), "method", "psnr")
        assert found == pytest.approx([20 * math.log10(255 / 5)] * 6)


def test_one_equal_frame_is_finite_where_others_differ():
    truth = numbered(4).frames
    wrong = truth.copy()
    wrong[1:] += 1
    found = [r["value"] for r in measure("x", None, [Shot(0, wrong, truth)]) if r["metric"] == "psnr"]
    assert found[0] == pytest.approx(10 * math.log10(255**2 * truth[0].size))
    assert found[1:] == pytest.approx([20 * math.log10(255)] * 3)


def test_the_summary_averages_frames_then_samples_and_origins():
    def record(seed, origin, ahead, value):
        return {"source": "method", "metric": "psnr", "seed": seed, "origin": origin, "ahead": ahead, "value": value}

    records = [record(0, 5, 1, 30.0), record(0, 5, 2, 20.0), record(1, 6, 1, 40.0), record(1, 6, 2, 30.0)]
    found = summarise(records)["method"]["psnr"]
    assert (found["all"]["mean"], found["all"]["n"]) == (30.0, 2)
    assert (found["1"]["mean"], found["2"]["mean"]) == (35.0, 25.0)
    assert (found["all"]["low"], found["all"]["high"]) == (25.0, 35.0)


# What a method must return


def test_a_wrong_length_is_refused():
    clip = numbered(14)
    oracle = Oracle(clip)
    split = HoldOut(Kind.PREDICTION, horizon=2)  # while the method makes three
    with pytest.raises(MethodError, match=r"origin 9: returned 13x8x10 .* expected 12x8x10"):
        conducted(oracle, clip, split)


def test_changed_given_frames_are_refused():
    clip = numbered(14)
    shifted = Clip(np.roll(clip.frames, 1, axis=0))
    for split in (AHEAD, BETWEEN):
        with pytest.raises(MethodError, match="did not return the given frames unchanged"):
            conducted(Oracle(shifted), clip, split)


# The sheet


def sheet(folder: Path, *lines: str) -> Path:
    path = folder / "tests.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_sheet_gives_one_test_per_clip_that_round_trips(tmp_path):
    header = "test\tkind\tclip\tmethod\tsamples\tsettings\tkeep\thorizon"
    path = sheet(tmp_path, header, "p\tprediction\t*\tvgpnn\t2.0\talpha=1\t0,5\t4", "i\tinterpolation\tfish\tvgpnn")
    rows = read_heldout_sheet(path, ("fish", "mask"), ("fish",))
    assert list(rows) == ["fish-p", "i"]
    row = rows["fish-p"]
    assert (row.split.keep, row.split.horizon, row.known) == (0.5, 4, "fish.past50")
    assert row.run.settings == {"extrapolate_frames": 4, "alpha": 1}
    assert (row.run.task, row.run.seeds) == (Task.EXTRAPOLATE, ("0", "1"))
    assert rows["i"].run.settings == {"upsample_factor": 2}
    assert rows["i"].known == "fish.even"
    path = sheet(tmp_path, "test\tkind\tclip\tmethod\tfactor", "l\tsuper_resolution\tfish\tvgpnn\t3")
    (large,) = read_heldout_sheet(path, ("fish",), ("fish",)).values()
    assert (large.known, large.run.task, large.run.settings) == ("fish.small3", Task.SUPER_RESOLVE, {"super_factor": 3})
    assert HeldOutRow.restore(row.plain()) == row
    assert read_heldout_sheet(sheet(tmp_path, header), ("fish",), ("fish",)) == {}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["test\tkind\tclip\tmethod\tkeap"], "unknown column 'keap'; did you mean 'keep'?"),
        (["test\tclip\tmethod"], "no column 'kind'"),
        (["test\tkind\tclip\tmethod", "a\tprediction\tfish\tvgpn"], "line 2: unknown method 'vgpn'; did you mean 'vg"),
        (["test\tkind\tclip\tmethod\tkeep", "a\tprediction\tfish\tvgpnn\t0,5,1"], "keep is '0,5,1'"),
        (["test\tkind\tclip\tmethod", "a\tguess\tfish\tvgpnn"], "unknown kind 'guess'"),
        (["test\tkind\tclip\tmethod", "a\tprediction\tfisch\tvgpnn"], "no clip 'fisch'; did you mean 'fish'?"),
        (["test\tkind\tclip\tmethod\tkeep", "a\tprediction\tfish\tvgpnn\t1.0"], "keep is '1.0'"),
        (["test\tkind\tclip\tmethod\tkeep", "a\tprediction\tfish\tvgpnn\tnan"], "keep is 'nan'"),
        (["test\tkind\tclip\tmethod\thorizon", "a\tprediction\tfish\tvgpnn\t0"], "horizon is '0'"),
        (["test\tkind\tclip\tmethod\thorizon", "a\tinterpolation\tfish\tvgpnn\t3"], "horizon means nothing"),
        (["test\tkind\tclip\tmethod\tfactor", "a\tinterpolation\tfish\tvgpnn\t3"], "factor means nothing"),
        (["test\tkind\tclip\tmethod\tfactor", "a\tsuper_resolution\tfish\tvgpnn\t1"], "factor is '1'"),
        (["test\tkind\tclip\tmethod", *["a\tprediction\tfish\tvgpnn"] * 2], "test 'a' exists already"),
    ],
)
def test_bad_sheets_are_named_in_one_line(tmp_path, lines, message):
    with pytest.raises(ConfigError) as error:
        read_heldout_sheet(sheet(tmp_path, *lines), ("fish",), ("fish",))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_settings_of_a_test_are_its_own():
    oracle = Oracle(numbered(4))
    check_settings(HeldOutRow("s", "c", AHEAD, "oracle", settings={"extrapolate_frames": 3}), oracle)
    with pytest.raises(ConfigError, match="extrapolate_frames is 4, the test needs 3"):
        check_settings(HeldOutRow("s", "c", AHEAD, "oracle", settings={"extrapolate_frames": 4}), oracle)
    oracle.Config = MethodConfig
    with pytest.raises(ConfigError, match="test 's': method 'oracle' has no setting 'upsample_factor'"):
        check_settings(HeldOutRow("s", "c", BETWEEN, "oracle"), oracle)


def test_super_resolution_is_measured_on_the_frames_of_the_clip_beside_bicubic():
    clip = scene("discs?seed=1&frames=3&height=41&width=56")
    whole = Clip(clip.frames[:, :40], clip.fps)
    oracle = Oracle(whole, error=1)
    test = conducted(oracle, clip, LARGER)
    assert oracle.given[0].clip.size == (3, 20, 28)
    np.testing.assert_allclose(values(test, "method", "psnr"), 20 * np.log10(255), rtol=1e-3)
    bicubic = resize_frames(known_clip(clip, LARGER).frames, 40, 56).astype(float)
    errors = np.square(bicubic - whole.frames).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(values(test, "bicubic", "psnr"), 10 * np.log10(255**2 / errors))
    assert set(test.films) == {"truth", "bicubic", "0", "side_by_side"}
    np.testing.assert_array_equal(test.films["truth"].frames, whole.frames)


def test_a_sample_of_the_small_size_is_refused():
    clip = scene("discs?seed=1&frames=3&height=40&width=56")
    with pytest.raises(MethodError, match=r"returned 3x20x28 .* expected 3x40x56"):
        conducted(Oracle(known_clip(clip, LARGER)), clip, LARGER)


@pytest.mark.parametrize(("mine", "said"), [(0.9, "better"), (0.6, "not better"), (0.8, "not better")])
def test_the_verdict_names_the_best_of_what_needs_no_model(mine, said):
    def run(method, *values, preset="fast"):
        records = tuple(MetricRecord("ssim", "SSIM", "0", value) for value in values)
        return RunEntry(RunRow("run", "clip", method, preset=preset), method, records=records)

    row = HeldOutRow("s", "c", AHEAD, "oracle")
    baselines = (run("repeat_last", 0.3, 0.5), run("flow_extrapolation", 0.75, 0.85))
    entry = HeldOutEntry(row, run("oracle", mine - 0.1, mine + 0.1), baselines)
    other = BASELINES["flow_extrapolation"]
    assert verdict(entry, "Oracle") == f"Oracle: SSIM {mine:.3f}, {said} than {other} (0.800)."
    assert verdict(HeldOutEntry(row, run("oracle"), baselines), "Oracle") == "", "nothing was measured"
    demo = verdict(HeldOutEntry(row, run("oracle", mine, preset="demo"), baselines), "Oracle")
    assert demo == f"Oracle: SSIM {mine:.3f}, of a demonstration and not judged; {other}: 0.800."


# What is left for people


def test_films_and_records_on_disk(tmp_path):
    clip = numbered(14)
    row = HeldOutRow("s", "c", AHEAD, "oracle", preset="fast", samples=2)
    test = conducted(Oracle(clip), clip, AHEAD, seeds=(0, 1))
    folder = tmp_path / "results/heldout/s"
    write_outcome(folder / "record.json", folder / "films", {"test": "s", "clip": "c"}, test)
    films = {path.stem: read(path) for path in (folder / "films").glob("*.mkv")}
    assert set(films) == {"truth", "repeat_last", "flow_extrapolation", "0", "1", "side_by_side"}
    assert list(films["truth"].frames[:, 0, 0, 0]) == [7, 8, 9, 10, 11, 12]
    assert list(films["repeat_last"].frames[:, 0, 0, 0]) == [7, 8, 9, 9, 9, 9]
    assert films["side_by_side"].size == (6, 8, 10 * 4 + 3 * 2)
    assert json_number(read_json(folder / "record.json")["summary"]["method"]["psnr"]["all"]["mean"]) == math.inf

    missing = HeldOutRow("t", "c", BETWEEN, "oracle")
    tests = load_heldout(tmp_path, [row, missing])
    assert tests.kinds == (Kind.PREDICTION, Kind.INTERPOLATION)
    runs = tests.project(Kind.PREDICTION).runs
    assert [run.title for run in runs] == [
        "Repeat last frame",
        "Linear flow extrapolation, TV-L1",
        "oracle",
    ]
    psnr = [record.value for record in runs[2].records if record.metric == "psnr"]
    assert psnr == [math.inf] * 4
    (left,) = tests.project(Kind.INTERPOLATION).runs
    assert (left.status, left.reason) == ("missing", "did not finish")
