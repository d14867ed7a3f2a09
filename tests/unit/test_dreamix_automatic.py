"""The automatic choice: told from words, learned from truth, honest about itself, and what the method makes of it."""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from onereel.base.errors import ConfigError, MethodError
from onereel.base.files import write_json
from onereel.cli.learn import parse_grid, told
from onereel.jobs import automatic as jobs
from onereel.methods import Inputs, Job, Task, configure, load_method
from onereel.methods.dreamix import automatic
from onereel.methods.dreamix.automatic import FEATURES, Choices, Words, features_of
from onereel.methods.dreamix.cascade import CascadeEditor
from onereel.methods.dreamix.learning import Setting, Tried, best, calibration_of, learned, read_words, score_of
from onereel.scenes.world import EDITS, FIRST_UNSEEN, EditSet
from onereel.scenes.world.edits import edit_captions
from onereel.video.clip import Clip
from tests.unit.tiny_cascade import patched, tiny_cascade

METHOD = load_method("dreamix")
GRID = [Setting(0.5, 0, 1.0), Setting(0.9, 4, 0.65), Setting(1.0, 2, 1.0)]
QUICK = {"num_inference_steps": 2, "spatial_steps": 1, "temporal_steps": 1, "stages": ["base"], "pictures": 2}


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def words() -> Words:
    return read_words(edits=25, captions=120)


def tried(kind: str, source: int, success: tuple[bool, ...], moves: float = 0.0) -> Tried:
    features = (0.0, 1.0, moves, 0.0, 0.0)
    return Tried(f"{kind}-{source}", kind, f"source-{source}", features, success, success)


def choices(words: Words) -> Choices:
    """By kind another setting is best: of time the first, of motion the second."""
    edits = [tried("time", seed, (True, False, seed > 4)) for seed in range(6)]
    edits += [tried("direction", seed, (False, seed != 3, False)) for seed in range(6)]
    return learned(edits, GRID, words, backbone="tiny", first=0, number=6)


# Words


def test_the_kind_of_an_edit_is_told_from_its_prompts(words):
    found = []
    for kind in EDITS:
        for seed in range(500, 504):
            before, after = edit_captions(seed, kind)
            found.append(words.kind_of(before.text, after.text) == kind)
    assert np.mean(found) > 0.85


def test_features_are_known_before_anything_is_made(words):
    still = np.full((4, 8, 8, 3), 100, np.uint8)
    common = max(words.seen, key=words.seen.get)
    plain = dict(zip(FEATURES, features_of(words, "kite", f"kite {common}", still), strict=True))
    assert plain["words changed"] == 1
    assert plain["moves"] == plain["contrast"] == plain["detail"] == 0
    assert plain["rarest word"] == pytest.approx(np.log10(1000 * words.seen[common] / words.captions), abs=0.05)
    moving = still.copy()
    moving[1::2] = 110
    rare = dict(zip(FEATURES, features_of(words, "kite", "kite zirconium", moving), strict=True))
    assert rare["moves"] == 10
    assert rare["rarest word"] < plain["rarest word"] - 1


# Choosing


def test_every_kind_gets_what_is_best_for_it_and_success_is_that_of_sources_not_chosen_on(words):
    found = choices(words)
    assert (found.kinds["time"].strength, found.kinds["direction"].strength) == (0.5, 0.9)
    assert (found.kinds["direction"].finetune_steps, found.kinds["direction"].alpha) == (4, 0.65)
    assert found.kinds["time"].success == 1
    assert found.kinds["direction"].success == pytest.approx(5 / 6)
    assert found.fixed.strength == 0.5, "one for all: 6 of 6 and none beat 5 of 6"
    assert found.kinds["direction"].fixed == 0
    # Each source alone likes a setting of its own: chosen on the others, none succeeds.
    lucky = [tried("time", seed, tuple(seed == at for at in range(3))) for seed in range(3)]
    assert learned(lucky, GRID, words, backbone="", first=0, number=3).kinds["time"].success == 0


def test_kinds_weigh_alike_and_equals_go_to_the_first():
    many = [tried("time", seed, (True, False)) for seed in range(9)]
    few = [tried("count", seed, (False, True)) for seed in range(2)]
    assert best(many + few, 2) == 0
    assert best([*many, *few, tried("size", 0, (False, True))], 2) == 1


def test_the_score_of_success_is_calibrated_and_puts_in_order():
    rng = np.random.default_rng(0)
    edits = [tried(["time", "count"][seed % 2], seed, (True,), moves=rng.normal()) for seed in range(400)]
    chance = np.array([1 / (1 + np.exp(-(2.5 * edit.features[2] + (edit.kind == "time")))) for edit in edits])
    outcomes = rng.random(400) < chance
    score = score_of(edits, outcomes)
    assert len(score.calibration) == 5
    for one in score.calibration:
        assert one.observed == pytest.approx(one.predicted, abs=0.12)
    assert score.auc > 0.8
    assert score.brier < 0.18
    predicted = np.array([score.predict(edit.kind, edit.features) for edit in edits])
    assert np.abs(predicted - chance).mean() < 0.06
    low, high = sorted(score.predict(kind, edits[0].features) for kind in ("time", "count"))
    assert low < score.predict("something else", edits[0].features) < high


def test_a_score_of_noise_says_so():
    rng = np.random.default_rng(1)
    edits = [tried("time", seed, (True,), moves=rng.normal()) for seed in range(300)]
    score = score_of(edits, rng.random(300) < 0.5)
    assert score.auc < 0.6
    assert score.brier == pytest.approx(0.25, abs=0.02)
    assert score_of(edits, np.ones(300, bool)).auc is None


def test_a_calibration_curve_is_of_groups_of_equal_size():
    predicted, outcomes = np.linspace(0, 1, 10), np.arange(10) >= 5
    curve = calibration_of(predicted, outcomes)
    assert [each.edits for each in curve] == [2] * 5
    assert [each.observed for each in curve] == [0, 0, 0.5, 1, 1]


# The method


@pytest.fixture
def job(monkeypatch, tmp_path) -> Job:
    weights = patched(monkeypatch, tiny_cascade())
    return Job(torch.device("cpu"), backbones={weights.name: weights}, workdir=tmp_path / "work")


@pytest.fixture
def table(monkeypatch, tmp_path, words):
    write_json(tmp_path / automatic.FILE, choices(words).model_dump(mode="json"))
    monkeypatch.setattr(automatic, "config_folder", lambda: tmp_path)
    return tmp_path / automatic.FILE


def auto(**settings):
    return configure(METHOD, "demo", {**QUICK, "strength": "auto", **settings}, task=Task.EDIT_TEXT)


def test_parts_are_those_that_some_kind_asks_for(table):
    assert set(METHOD.parts(Task.EDIT_TEXT, auto())) == {"base-4-65"}
    assert METHOD.parts(Task.EDIT_TEXT, auto(edit_kind="time")) == {}
    assert METHOD.parts(Task.EDIT_TEXT, auto(source_prompt="a day")) == METHOD.parts(Task.EDIT_TEXT, auto())


def test_an_edit_is_made_as_learned_for_its_kind(table, job, monkeypatch):
    state = METHOD.fit("base-4-65", Inputs(clip=clip()), auto(), job)
    from onereel.base import tensorfiles

    tensorfiles.save(path := job.workdir / "base.safetensors", state)
    ready, asked = replace(job, models={"base-4-65": path}), []
    plain = CascadeEditor.edit

    def watched(self, video, prompt, strength, generator, **options):
        asked.append(strength)
        return plain(self, video, prompt, strength, generator, **options)

    monkeypatch.setattr(CascadeEditor, "edit", watched)
    day, left = edit_captions(3, "time"), edit_captions(3, "direction")
    for before, after in (day, left):
        config, inputs = auto(source_prompt=before.text), Inputs(clip=clip(), prompt=after.text)
        sample = METHOD.sample(Task.EDIT_TEXT, inputs, config, 0, ready)
        told = METHOD.effects(Task.EDIT_TEXT, inputs, config, sample)
        assert 0 < told["likely to succeed, told before"] < 1
    assert asked == [0.5, 0.9]
    assert METHOD.effects(Task.EDIT_TEXT, inputs, configure(METHOD, "demo"), sample) == {}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "the kind of the edit is not known; set source_prompt, or edit_kind to time, direction"),
        ({"edit_kind": "timee"}, "nothing was learned of 'timee'; did you mean 'time'"),
    ],
)
def test_a_kind_that_nothing_is_known_of_is_refused(table, job, settings, complaint):
    with pytest.raises(MethodError, match=complaint):
        METHOD.check(Task.EDIT_TEXT, Inputs(clip=clip(), prompt="a"), auto(**settings), job)


def test_samples_follow_what_was_learned_and_trainings_do_not(table, words):
    first = auto()
    write_json(table, choices(words).model_copy(update={"number": 7}).model_dump(mode="json"))
    second = auto()
    assert first.learned != second.learned
    assert first.trained_with() == second.trained_with()
    assert METHOD.Config.model_validate(first.model_dump(mode="json")) == first
    assert configure(METHOD, "demo").learned == ""


def test_a_damaged_table_is_refused_in_one_line(table, job):
    table.write_text('{"kinds": 3}')
    with pytest.raises(MethodError, match="cannot be used") as raised:
        METHOD.parts(Task.EDIT_TEXT, auto())
    assert "\n" not in str(raised.value)


def clip() -> Clip:
    return Clip(np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8), Fraction(8))


# Learning


@dataclass
class Verdict:
    """What of a judgement is read."""

    name: str
    success: bool
    attribute_right: bool = True


class Judge:
    """Likes edits of time as they are without fine-tuning, and no others."""

    def __init__(self):
        self.outputs = []

    def questions(self, edits):
        return edits

    def judge(self, questions, outputs):
        self.outputs.append(outputs)
        return [Verdict(edit.name, edit.kind == "time") for edit in questions]


def test_the_grid_is_made_judged_and_kept(job, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "read_words", lambda: read_words(edits=2, captions=4))
    asked = EditSet(kinds=("time", "colour"), number=1, first=0, sources="shared", frames=9)
    config, judge = configure(METHOD, "demo", QUICK), Judge()
    grid = [Setting(0.5, 0, 1.0), Setting(0.9, 1, 0.0)]
    found = jobs.learn_choices(METHOD, config, grid, asked, job, judge, tmp_path)
    assert len(judge.outputs) == 2, "two settings"
    assert all(len(outputs) == 2 and outputs[0].shape == (9, 64, 64, 3) for outputs in judge.outputs)
    assert not np.array_equal(judge.outputs[0][0], judge.outputs[1][0])
    assert (found.kinds["time"].success, found.kinds["colour"].success) == (1, 0)
    assert found.backbone == job.backbones["t2v-world"].printed
    assert any("| time | 0.5 | 0 | 1 | 1.00 | 1.00 |" in line for line in told(found))
    again = Judge()
    assert jobs.learn_choices(METHOD, config, grid, asked, job, again, tmp_path) == found
    assert again.outputs == [], "nothing is made twice"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [({"first": FIRST_UNSEEN, "sources": "shared"}, "stay below"), ({"first": 0}, "share a source")],
)
def test_learning_reads_nothing_that_is_reported_of(job, tmp_path, settings, complaint):
    asked = EditSet(kinds=("time",), number=1, **settings)
    with pytest.raises(ConfigError, match=complaint):
        jobs.learn_choices(METHOD, configure(METHOD, "demo"), GRID, asked, job, Judge(), tmp_path)


def test_a_grid_is_every_strength_with_every_fine_tuning():
    assert parse_grid("0.5, 1", "0,200:0.65") == [
        Setting(0.5, 0, 1.0), Setting(1.0, 0, 1.0), Setting(0.5, 200, 0.65), Setting(1.0, 200, 0.65),
    ]  # fmt: skip
    for strengths, tunings in (("2", "0"), ("0.5", "0:2"), ("much", "0"), ("0.5", "-1")):
        with pytest.raises(ConfigError, match="is no number from 0 to"):
            parse_grid(strengths, tunings)
