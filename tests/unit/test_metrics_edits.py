"""The judge of known edits: outputs made from the truth come out in the order that they must, each measure alone."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from onereel.base.errors import ConfigError, MetricError
from onereel.metrics.edits import (
    EXTERNALS,
    EditsConfig,
    EditThresholds,
    Judge,
    Judgement,
    Question,
    Unanswered,
    calibration,
    choose_thresholds,
    externals,
    is_still,
    made_here,
    read_edits_config,
    reader_accuracy,
    summary_of,
)
from onereel.metrics.edits.fidelity import masked_psnr, masked_ssim
from onereel.metrics.edits.summary import balanced
from onereel.scenes.world import FIRST_UNSEEN, EditSet, known_edit

KINDS = ("colour", "direction", "setting", "time", "camera", "add")


@cache
def judge() -> Judge:
    return Judge()


@cache
def questions() -> list[Question]:
    return judge().questions(list(EditSet(number=1, kinds=KINDS).edits()))


@cache
def judged(name: str) -> list[Judgement]:
    return judge().judge(questions(), externals([one.edit for one in questions()], name))


@cache
def row(name: str) -> dict[str, float]:
    return summary_of(judged(name))["all"]


def test_the_new_value_is_read_in_true_edits_alone():
    assert row("true edit")["attribute"] == row("true edit")["reader"] > 0.8
    assert row("true edit through H.264")["attribute"] > 0.8
    assert max(row("source")["attribute"], row("wrong edit")["attribute"]) < 0.2


def test_others_are_kept_by_the_true_edit_and_lost_by_another_edit():
    assert row("true edit")["others_kept"] == 1
    assert row("true edit through H.264")["others_kept"] > row("true edit frozen")["others_kept"]
    assert row("source")["others_kept"] > row("wrong edit")["others_kept"] > row("another's true edit")["others_kept"]


@pytest.mark.parametrize("measure", ["psnr_outside", "ssim_outside"])
def test_fidelity_to_the_source_outside_the_mask(measure):
    assert row("true edit")[measure] == pytest.approx(row("source")[measure])
    order = ["true edit", "true edit through H.264", "true edit blurred", "another's true edit"]
    values = [row(name)[measure] for name in order]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("measure", ["psnr_truth", "ssim_truth"])
def test_fidelity_to_the_true_edit(measure):
    order = ["true edit", "true edit frozen", "true edit shuffled", "source", "another's true edit"]
    values = [row(name)[measure] for name in order[: 3 if measure == "ssim_truth" else None]]
    assert values == sorted(values, reverse=True)
    assert row("true edit")[measure] > row("true edit through H.264")[measure] > row("true edit blurred")[measure]
    assert row("true edit blurred")[measure] > row("source")[measure] > row("another's true edit")[measure]


def test_quality_is_how_frames_look_and_blind_to_their_order():
    assert row("true edit")["sgfid_truth"] == 0
    order = ["true edit through H.264", "true edit blurred", "another's true edit"]
    values = [row(name)["sgfid_truth"] for name in order]
    assert values == sorted(values)
    assert row("true edit shuffled")["sgfid_truth"] < row("true edit blurred")["sgfid_truth"]


def test_motion_tells_what_single_frames_cannot():
    assert row("true edit")["motion"] < row("true edit frozen")["motion"] < row("true edit shuffled")["motion"]
    assert row("true edit through H.264")["motion"] < row("true edit frozen")["motion"]
    assert row("true edit")["motion"] < row("another's true edit")["motion"]


def test_success_needs_all_of_it():
    assert row("true edit")["success"] >= row("true edit frozen")["success"] >= row("true edit shuffled")["success"]
    assert row("true edit through H.264")["success"] > 0.8
    assert max(row(name)["success"] for name in ("source", "wrong edit", "another's true edit")) < 0.1


def test_what_is_not_defined_is_left_out():
    edits = (known_edit(FIRST_UNSEEN + index, "size") for index in range(30))
    pencil = next(edit for edit in edits if edit.source_spec.style == "pencil")
    found = judge().judge(judge().questions([pencil]), [pencil.answer])[0]
    assert found.psnr_truth is None
    assert found.ssim_truth == pytest.approx(1)
    assert not {"colour", "time", "size"} & found.others.keys()
    whole = known_edit(FIRST_UNSEEN, "style")
    found = judge().judge(judge().questions([whole]), [whole.source])[0]
    assert (found.psnr_outside, found.ssim_outside) == (None, None)


def test_an_edit_of_another_size_is_refused():
    with pytest.raises(MetricError, match=r"is 16x32x32 .* the source 16x64x64"):
        judge().judge(questions()[:1], [np.zeros((16, 32, 32, 3), np.uint8)])


def test_masks_keep_what_changed_out():
    rng = np.random.default_rng(0)
    one = rng.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    other, mask = one.copy(), np.zeros((2, 32, 32), bool)
    other[:, 8:12, 8:12] = 255 - other[:, 8:12, 8:12]
    mask[:, 8:12, 8:12] = True
    assert masked_psnr(one, other, ~mask) > 70 > masked_psnr(one, other)
    assert masked_ssim(one, other, mask) == pytest.approx(1)
    assert masked_ssim(one, other) < 0.99
    assert masked_psnr(one, other, np.zeros_like(mask)) is None


def test_rare_values_weigh_as_much_as_frequent_ones():
    assert balanced("aaab", [1, 1, 1, 0]) == 0.5


def test_classifiers_are_measured_on_true_edits():
    table = reader_accuracy(questions())
    assert table["style"] == 1
    assert "added" in table


def test_settings_are_checked_and_thresholds_never_chosen_on_what_is_reported(tmp_path):
    file = tmp_path / "edits.yaml"
    file.write_text("benchmark: {number: 3}\nthresholds: {others_kept: 0.5}\n")
    config = EditsConfig(benchmark=EditSet(number=3), thresholds=EditThresholds(others_kept=0.5))
    assert read_edits_config(file) == config
    file.write_text("thresholds:\n  other_kept: 0.5\n")
    with pytest.raises(ConfigError, match="others_kept"):
        read_edits_config(file)
    with pytest.raises(ConfigError, match="results are reported of"):
        choose_thresholds(judge(), EditSet(number=2))


def test_what_is_missing_counts_as_wrong():
    found = judged("true edit")
    one = next(one for one in questions() if one.right)
    whole, less = summary_of(found), summary_of(found, [Unanswered.of(one)])
    kind = one.edit.kind
    assert (less[kind]["success"], less[kind]["attribute"]) == (0.5, 0.5)
    assert less[kind]["reader"] == whole[kind]["reader"] == 1
    assert less["all"]["success"] < whole["all"]["success"]
    assert (less["all"]["n"], less["all"]["of"]) == (len(found), len(found) + 1)
    other = summary_of([judgement for judgement in found if judgement.kind != kind], [Unanswered.of(one)])
    assert kind not in other, "an editor is not asked for kinds of which it has none"


@pytest.mark.parametrize(("name", "still"), [("true edit", False), ("true edit frozen", True), ("source", False)])
def test_stills_are_known(name, still):
    assert is_still(judged(name)) == still


def test_depth_is_that_of_the_source_where_structure_is_kept():
    kept = {name: row(name)["depth_kept"] for name in ("source", "true edit", "another's true edit")}
    assert kept["source"] == pytest.approx(1)
    assert kept["source"] > kept["true edit"] > kept["another's true edit"]


def test_a_true_edit_moves_as_it_must_and_noise_and_shuffled_frames_do_not():
    errors = {name: row(name)["warp_error"] for name in ("true edit", "true edit with noise", "true edit shuffled")}
    assert errors["true edit"] < 0.5 * errors["true edit with noise"]
    assert errors["true edit"] < 0.5 * errors["true edit shuffled"]


def test_a_true_edit_goes_through_an_editors_autoencoder(monkeypatch):
    def encode(pictures):
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: pictures / 4))

    def decode(latents):
        return SimpleNamespace(sample=latents * 4)

    same = SimpleNamespace(encode=encode, decode=decode, config=SimpleNamespace(scaling_factor=2.0))
    monkeypatch.setattr(calibration, "_autoencoder", lambda: same)
    edits = [one.edit for one in questions()[:2]]
    for edit, output in zip(edits, externals(edits, calibration.THROUGH), strict=True):
        assert np.array_equal(output, edit.answer)
    monkeypatch.setattr(calibration, "AUTOENCODER", "no-such-model")
    assert made_here() == list(EXTERNALS), "a row that needs weights is left out where there are none"


def test_every_external_has_the_size_of_its_edit():
    edits = [one.edit for one in questions()[:2]]
    for name in EXTERNALS:
        assert all(output.shape == edits[0].source.shape for output in externals(edits, name))
