"""`evaluate`: schema, alignment, refusals, cache, weights."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest

from onereel import metrics
from onereel.base.errors import MetricError, WeightsError
from onereel.base.files import read_json, write_json
from onereel.features.efficientnet import EfficientNetExtractor
from onereel.metrics import NAMES
from onereel.metrics.align import align_clips, resize_frames
from onereel.metrics.base import Context
from onereel.metrics.evaluation import evaluate, format_summary
from onereel.metrics.registry import REGISTRY
from onereel.video.clip import Clip
from onereel.weights.store import Weights
from tests.unit.metric_clips import noisy, textured

RECORD = {
    "metric",
    "title",
    "column",
    "sample",
    "value",
    "note",
    "unit",
    "better",
    "extractor",
    "weights",
    "stand_in",
    "protocol",
    "n",
}
FAST = ("sgfid", "diversity", "psnr")


@pytest.fixture(scope="module")
def clip() -> Clip:
    return Clip(textured(), Fraction(10))


@pytest.fixture(scope="module")
def everything(clip):
    samples = {"0": Clip(noisy(clip.frames, 8)), "1": Clip(noisy(clip.frames, 8, seed=2)), "same": clip}
    return evaluate(clip, samples, weights="stand-in", prompt="a pattern of many colours")


def test_the_registry_holds_what_the_papers_report():
    assert NAMES == (
        "svfid",
        "sgfid",
        "sgfid64",
        "sifid",
        "sifid64",
        "diversity",
        "coherence",
        "completeness",
        "detail",
        "nnfdiv",
        "nnfdiv_scaled",
        "nnfdist",
        "frame_consistency",
        "prompt_consistency",
        "warp_error",
        "psnr",
        "ssim",
    )
    assert len({metric.title for metric in REGISTRY.values()}) == len(REGISTRY)
    assert all(metric.__doc__ and metric.protocol()["name"] for metric in REGISTRY.values())


def test_every_metric_has_its_records(everything):
    assert {record["metric"] for record in everything["records"]} == set(NAMES) - {"sifid", "sifid64"}
    assert not everything["left_out"], "metrics of pictures are none of videos"
    for record in everything["records"]:
        assert set(record) == RECORD
        metric = REGISTRY[record["metric"]]
        if metric.scope == "run":
            assert (record["sample"], record["n"]) == (None, 3)
        else:
            assert record["n"] == 1
    assert len(everything["records"]) == 1 + 3 * (len(REGISTRY) - 3)
    assert everything["reference"] == {"frames": 6, "height": 32, "width": 40, "fps": "10"}
    assert everything["align"] == ""


def test_the_summary_averages_the_records(everything):
    for name, entry in everything["summary"].items():
        values = [record["value"] for record in everything["records"] if record["metric"] == name]
        assert entry["mean"] == pytest.approx(np.mean(values))
        assert entry["n"] == 3
        if REGISTRY[name].scope == "sample":
            assert entry["low"] <= entry["mean"] <= entry["high"]


def test_values_from_stand_ins_say_so_everywhere(everything):
    store = Weights()
    for record in everything["records"]:
        role = REGISTRY[record["metric"]].extractor
        assert record["stand_in"] == (role is not None)
        if role:
            resolved = store.resolve(role, "stand-in")
            assert record["column"] == f"{record['title']} ({resolved.label})"
            assert record["weights"] == resolved.printed
            assert everything["summary"][record["metric"]]["column"] == record["column"]
        else:
            assert record["column"] == record["title"]
            assert record["weights"] is None
    assert "stand-in weights" in format_summary(everything)


def test_an_equal_sample_is_infinite_in_psnr_and_survives_json(everything, tmp_path):
    (record,) = [r for r in everything["records"] if r["metric"] == "psnr" and r["sample"] == "same"]
    assert record["value"] == math.inf
    assert "equal" in record["note"]
    write_json(tmp_path / "m.json", everything)
    assert read_json(tmp_path / "m.json")["summary"]["psnr"]["mean"] == "Infinity"
    json.dumps(everything["summary"]["svfid"], allow_nan=False)


def test_one_sample_has_no_diversity_but_the_rest(clip):
    result = evaluate(clip, {"0": Clip(noisy(clip.frames, 8))}, metrics=FAST, weights="stand-in")
    (diversity,) = [record for record in result["records"] if record["metric"] == "diversity"]
    assert diversity["value"] is None
    assert diversity["note"]
    assert result["summary"]["diversity"]["mean"] is None
    assert result["summary"]["psnr"]["low"] is None
    assert "Diversity" in format_summary(result)


def test_the_order_of_samples_does_not_matter(clip):
    samples = {str(i): Clip(noisy(clip.frames, 8, seed=i)) for i in range(3)}
    one = evaluate(clip, samples, metrics=FAST, weights="stand-in")
    two = evaluate(clip, dict(reversed(samples.items())), metrics=FAST, weights="stand-in")
    key = lambda record: (record["metric"], str(record["sample"]))  # noqa: E731
    for a, b in zip(sorted(one["records"], key=key), sorted(two["records"], key=key), strict=True):
        assert a["value"] == pytest.approx(b["value"], rel=1e-12)


def test_a_picture_is_measured_by_what_needs_no_motion(clip):
    """A method's picture of a clip: the list of metrics is the same for all runs, so what needs frames is left out."""
    picture = {"0": Clip(clip.frames[:1])}
    names = ["sgfid", "coherence", "nnfdist", "psnr"]
    result = evaluate(clip, picture, metrics=names, weights="stand-in", align="keep", strict=False)
    assert [record["metric"] for record in result["records"]] == ["sgfid"]
    assert set(result["left_out"]) == {"coherence", "nnfdist", "psnr"}
    assert result["left_out"]["coherence"].startswith("needs 3 frames, the shortest clip has 1;")
    assert "coherence is left out: needs 3 frames" in format_summary(result)
    with pytest.raises(MetricError, match="coherence: needs 3 frames, the shortest clip has 1; measure longer clips"):
        evaluate(clip, picture, metrics=["coherence"], weights="stand-in", align="keep")


def test_unknown_metrics_and_missing_samples_are_refused_first(clip):
    with pytest.raises(MetricError, match="did you mean 'coherence'"):
        evaluate(clip, {"0": clip}, metrics=["coherense"])
    with pytest.raises(MetricError, match="choose one of svfid"):
        evaluate(clip, {"0": clip}, metrics=["zzz"])
    with pytest.raises(MetricError, match="no samples"):
        evaluate(clip, {}, metrics=["psnr"])
    with pytest.raises(MetricError, match="no metric"):
        evaluate(clip, {"0": clip}, metrics=[])
    with pytest.raises(MetricError, match="no such way"):
        evaluate(clip, {"0": clip}, align="stretch")


def test_a_record_says_which_network_stood_in(clip):
    samples = {"0": Clip(noisy(clip.frames, 8))}
    found = evaluate(clip, samples, metrics=["sgfid", "sgfid64"], weights="stand-in")["records"]
    assert [record["extractor"] for record in found] == ["EfficientNet-lite0", "Inception v3"]
    assert [record["protocol"]["dimension"] for record in found] == [40, 64]
    assert found[0]["protocol"]["name"] == "efficientnet-lite0-40d-native"
    assert found[0]["column"] == "SGFID (EfficientNet-lite0)"


def test_real_weights_that_are_missing_name_the_command(clip, tmp_path):
    store = Weights(folder=tmp_path)
    with pytest.raises(WeightsError, match="onereel weights fetch inception-v3"):
        evaluate(clip, {"0": clip}, metrics=["psnr", "sgfid"], weights="real", store=store)
    assert evaluate(clip, {"0": clip}, metrics=["sgfid"], store=store)["records"][0]["stand_in"]


@pytest.mark.parametrize(
    ("size", "remedy"),
    [((4, 32, 40), "'crop' makes"), ((6, 30, 40), "'resize' makes"), ((9, 16, 20), "'crop\\+resize' makes")],
)
def test_other_sizes_are_refused_with_both_sizes_and_the_remedy(size, remedy, clip):
    with pytest.raises(MetricError, match=remedy) as caught:
        evaluate(clip, {"0": clip, "odd": Clip(textured(size))}, metrics=["svfid"])
    assert "sample 'odd'" in str(caught.value)
    assert "x".join(map(str, size)) in str(caught.value)
    assert "6x32x40" in str(caught.value)


def test_crop_alone_does_not_hide_another_size(clip):
    with pytest.raises(MetricError, match="is 4x30x40"):
        evaluate(clip, {"0": Clip(textured((4, 30, 40)))}, metrics=["psnr"], align="crop")


def test_cropping_keeps_the_first_frames_of_all_and_says_so(clip):
    longer = Clip(np.concatenate([clip.frames, clip.frames]))
    aligned = align_clips(clip, {"long": longer, "short": Clip(clip.frames[:4])}, "crop")
    assert aligned.reference.size == (4, 32, 40)
    np.testing.assert_array_equal(aligned.samples["long"].frames, clip.frames[:4])
    assert "samples cropped from 12 to their first 4 frames" in aligned.text
    assert "input cropped from 6 to its first 4 frames" in aligned.text
    assert aligned.reference.fps == clip.fps


def test_resizing_brings_samples_to_the_inputs_size_and_says_how(clip):
    large = Clip(np.repeat(np.repeat(clip.frames, 2, axis=1), 2, axis=2))
    aligned = align_clips(clip, {"large": large, "equal": clip}, "resize")
    assert aligned.samples["large"].size == clip.size
    assert np.abs(aligned.samples["large"].frames.astype(int) - clip.frames).mean() < 4
    assert aligned.samples["equal"] is clip
    assert aligned.text == "samples resized from 64x80 to 32x40 (height x width), bicubic, antialiased"
    result = evaluate(clip, {"large": large}, metrics=["psnr"], align="resize")
    assert result["align"] == aligned.text
    assert aligned.text in format_summary(result)


def test_resizing_is_antialiased():
    stripes = np.zeros((1, 8, 64, 3), np.uint8)
    stripes[:, :, ::2] = 255
    assert np.abs(resize_frames(stripes, 4, 16)[:, :, 2:-2].astype(int) - 127).max() < 12


def test_keep_measures_what_any_size_allows(clip):
    samples = {"0": Clip(textured((8, 30, 44)))}
    result = evaluate(clip, samples, align="keep", weights="stand-in")
    names = {record["metric"] for record in result["records"]}
    assert {"svfid", "sgfid", "coherence", "nnfdiv", "diversity"} <= names
    assert not names & {"psnr", "ssim"}
    assert "samples 8x30x44, input 6x32x40" in result["align"]
    with pytest.raises(MetricError, match="psnr: needs samples of the input's length and size"):
        evaluate(clip, samples, metrics=["psnr"], align="keep")
    lenient = evaluate(clip, samples, metrics=["psnr", "coherence"], align="keep", strict=False)
    assert {record["metric"] for record in lenient["records"]} == {"coherence"}


def test_a_metric_that_fails_names_the_sample():
    tiny = Clip(textured((4, 6, 6)))
    with pytest.raises(MetricError, match=r"sample 'a', .*a side needs \d+ pixels"):
        evaluate(tiny, {"a": tiny}, metrics=["sgfid64"], weights="stand-in")


def test_what_cannot_be_computed_is_left_out_with_its_reason_unless_it_was_named(monkeypatch, tmp_path):
    """One clip that is too small for a network, and a network that is not here, cost their metrics and no others."""
    from onereel.metrics.registry import REGISTRY

    some = {name: REGISTRY[name] for name in ("sgfid64", "svfid", "psnr")}
    monkeypatch.setattr("onereel.metrics.registry.REGISTRY", some)
    small, large = Clip(textured((4, 6, 6))), Clip(textured((4, 20, 20)))
    result = evaluate(small, {"a": large, "b": small}, weights="stand-in", align="resize")
    assert result["left_out"].keys() == {"sgfid64"}
    assert "sample 'a', frames of 6x6: too small" in result["left_out"]["sgfid64"]
    assert {record["metric"] for record in result["records"]} == result["summary"].keys() == {"svfid", "psnr"}
    bare = Weights(folder=tmp_path)
    result = evaluate(large, {"a": large}, weights="real", store=bare)
    assert result["left_out"].keys() == {"sgfid64", "svfid"}
    assert "run: onereel weights fetch" in result["left_out"]["svfid"]
    with pytest.raises(WeightsError):  # the workflow names its metrics, and `weights: real` means it
        evaluate(large, {"a": large}, metrics=["psnr", "svfid"], weights="real", store=bare, strict=False)


def test_the_cache_spares_the_network_and_gives_the_same(clip, tmp_path, monkeypatch):
    calls = []
    run = EfficientNetExtractor.features
    monkeypatch.setattr(EfficientNetExtractor, "features", lambda self, frames: calls.append(1) or run(self, frames))
    samples = {"0": Clip(noisy(clip.frames, 8))}
    ask = {"metrics": ["sgfid", "coherence", "nnfdiv"], "weights": "stand-in", "cache": tmp_path}
    first = evaluate(clip, samples, **ask)
    assert len(calls) == 2
    monkeypatch.setattr(metrics.coherence, "nearest_errors", None)
    monkeypatch.setattr(metrics.nnfdiv.NNFMetric, "extract", None)
    assert evaluate(clip, samples, **ask) == first
    assert len(calls) == 2
    evaluate(clip, {"0": Clip(noisy(clip.frames, 9))}, **{**ask, "metrics": ["sgfid"]})
    assert len(calls) == 3  # other frames, the reference still known


def test_the_cache_tells_metrics_protocols_and_shapes_apart(clip, tmp_path):
    ask = {"metrics": ["sgfid", "sgfid64"], "weights": "stand-in"}
    samples = {"0": Clip(noisy(clip.frames, 8))}
    plain = evaluate(clip, samples, **ask)
    assert evaluate(clip, samples, **ask, cache=tmp_path) == plain
    assert evaluate(clip, samples, **ask, cache=tmp_path) == plain
    turned = Clip(np.ascontiguousarray(clip.frames.reshape(6, 40, 32, 3)))  # the same bytes
    other = evaluate(turned, {"0": turned}, **ask, cache=tmp_path)
    assert other["summary"]["sgfid"]["mean"] == pytest.approx(0, abs=1e-9)
    assert len(list(tmp_path.iterdir())) == 6


def test_a_damaged_cache_file_is_computed_again(clip, tmp_path):
    ask = {"metrics": ["sgfid64"], "weights": "stand-in", "cache": tmp_path}
    first = evaluate(clip, {"0": clip}, **ask)
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))  # a single bit, in a number
    assert evaluate(clip, {"0": clip}, **ask) == first


@pytest.mark.peer
@pytest.mark.scores
def test_the_authors_own_outputs_are_measured(shared):
    """VGPNN's own samples of `fish`, cut to 12 frames at 72 px to be quick: nearer the input than noise is."""
    from onereel import ingest

    def small(source):
        loaded = ingest.load(source)
        return Clip(resize_frames(loaded.frames[:12], 72, 128), loaded.fps)

    data = shared / "data"
    clip = small(data / "clips/fish")
    found = ingest.discover(data / "peer_outputs/fish/vgpnn_official")
    samples = {name: small(source) for name, source in found.items()}
    assert set(samples) == {"1", "2"}
    result = evaluate(clip, samples, weights="stand-in")
    noise = evaluate(clip, {"noise": Clip(noisy(clip.frames, 30))}, weights="stand-in")
    for name in ("coherence", "nnfdist", "sgfid", "svfid"):
        assert 0 < result["summary"][name]["mean"] < noise["summary"][name]["mean"]
    assert result["summary"]["diversity"]["mean"] > 0.05
    assert 0.01 < result["summary"]["nnfdiv"]["mean"] < 1


def test_sifid_is_of_pictures_and_has_two_names(clip):
    picture = Clip(clip.frames[:1])
    samples = {"near": Clip(noisy(picture.frames, 8)), "far": Clip(noisy(picture.frames, 60)), "same": picture}
    found = evaluate(picture, samples, weights="stand-in")
    for name, dimension in (("sifid", 192), ("sifid64", 64)):
        records = {record["sample"]: record for record in found["records"] if record["metric"] == name}
        assert records["same"]["value"] == 0
        assert 0 < records["near"]["value"] < records["far"]["value"]
        assert records["near"]["protocol"]["dimension"] == dimension
        assert str(dimension) in records["near"]["column"]
        assert "Inception" in records["near"]["column"], "the stand-in says so"
        inception = Context(weights="stand-in", names={"frame-features": "inception-random"})
        of_videos = REGISTRY[name.replace("i", "g", 1)]
        assert records["near"]["value"] == of_videos.measure(picture.frames, [samples["near"].frames], inception)
    with pytest.raises(MetricError, match="is of single pictures, the longest clip has 6 frames"):
        evaluate(clip, {"0": clip}, metrics=["sifid"], weights="stand-in")


def test_what_is_measured_when_somebody_interrupts_is_kept(clip):
    """Interrupted at the second sample of the second metric: the first metric has its mean, the others say why not."""
    samples = {"0": Clip(noisy(clip.frames, 8)), "1": Clip(noisy(clip.frames, 8, seed=2))}
    kept = []

    def interrupted(items, **about):
        for index, item in enumerate(items):
            if index == 3:
                raise KeyboardInterrupt
            yield item

    asked = {"metrics": ["psnr", "ssim", "coherence"], "weights": "stand-in"}
    with pytest.raises(KeyboardInterrupt):
        evaluate(clip, samples, progress=interrupted, keep=kept.append, **asked)
    (result,) = kept
    whole = evaluate(clip, samples, **asked)
    assert result["summary"] == {"psnr": whole["summary"]["psnr"]}
    assert [record["value"] for record in result["records"]] == [record["value"] for record in whole["records"][:2]]
    assert result["left_out"] == {
        "ssim": "interrupted with 1 of 2 values",
        "coherence": "interrupted with 0 of 2 values",
    }
    assert "ssim is left out: interrupted" in format_summary(result)


def test_an_interruption_before_the_first_value_keeps_nothing(clip):
    def interrupted(items, **about):
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        evaluate(clip, {"0": clip}, metrics=["psnr"], progress=interrupted, keep=pytest.fail)
