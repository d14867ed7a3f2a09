"""FiVE-Acc: what is asked, which answers are right, and a tiny network of the published class that is asked."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from onereel.base.errors import WeightsError
from onereel.features.questions import VideoQuestions, evenly
from onereel.metrics.measures import MEASURES, Edit, measure_edits
from onereel.metrics.measures.base import Questions
from onereel.metrics.measures.five_acc import asked_of, judged
from onereel.metrics.measures.layouts import read_layout
from onereel.metrics.measures.sheet import read_sheet, sheet_text
from onereel.weights.store import Resolved, Weights
from tests.unit.metric_clips import textured
from tests.unit.test_measure_layouts import five
from tests.unit.test_measures import context
from tests.unit.test_measures_real import resolved

SWAN = Questions(
    "Is there a swan in the video?", "Is there a flamingo in the video?", "What is there? a) A swan b) A flamingo"
)
CLIP = textured((6, 16, 16))
FIVE = {name: one for name, one in MEASURES.items() if name.startswith("five_")}


class Judge:
    """Says what a function makes of a question; counts what it was asked."""

    def __init__(self, says):
        self.says, self.asked = says, []

    def ask(self, frames, question):
        self.asked.append(question)
        return self.says(question)


def sees(thing):
    """A judge who sees one thing and reads what is asked."""

    def says(question):
        if "YES or NO" in question:
            return "Yes." if thing in question else "NO"
        return next(line for line in question.splitlines() if line[1:2] == ")" and thing in line)

    return Judge(says)


def measured(judge, questions=SWAN):
    where = context()
    weights = Resolved("judge", "questions", "Judge", "Judge", "0" * 64, stand_in=False, parts={})
    where.once(("weights", "questions"), lambda: weights)
    where.once(("questions", weights.sha256), lambda: judge)
    edit = Edit("one", CLIP, CLIP, questions=questions)
    return {name.removesuffix("_both_orders"): one.measure(edit, where) for name, one in FIVE.items()}


def values(found):
    return {name.removeprefix("five_"): one.value for name, one in found.items()}


def test_a_judge_who_sees_the_new_thing_gives_all_points_and_one_who_sees_the_old_none():
    judge = sees("flamingo")
    assert values(measured(judge)) == {"yes_no": 1, "choice": 1, "union": 1, "intersection": 1, "acc": 1}
    assert len(judge.asked) == 4, "two yes-no questions and the choice in both orders, asked once for all five numbers"
    assert values(measured(sees("swan"))) == {"yes_no": 0, "choice": 0, "union": 0, "intersection": 0, "acc": 0}


@pytest.mark.parametrize("letter", ["a", "b"])
def test_who_always_says_the_same_letter_is_never_right(letter):
    found = values(
        measured(
            Judge(lambda question: "Yes" if "flamingo in" in question else "No" if "swan in" in question else letter)
        )
    )
    assert found == {"yes_no": 1, "choice": 0, "union": 1, "intersection": 0, "acc": 0.5}


def test_acc_is_the_mean_of_the_four():
    for yes_no in (True, False):
        for choice in (True, False):
            four = [one.combined(yes_no, choice) for name, one in FIVE.items() if "acc" not in name]
            assert FIVE["five_acc_both_orders"].combined(yes_no, choice) == np.mean(four)


@pytest.mark.parametrize(
    ("answer", "mark"),
    [
        ("b", 1),
        ("B) A flamingo", 1),
        ("(b).", 1),
        ("A flamingo", 1),
        ("a: a swan", 0),
        ("A swan.", 0),
        ("both", 2),
        ("", 2),
    ],
)
def test_answers_to_a_choice_are_letters_or_the_words_of_an_option(answer, mark):
    _, (there, back) = asked_of(SWAN)
    assert judged(answer, there) == mark
    assert there.text.index("swan") < there.text.index("flamingo")
    assert back.text.index("swan") > back.text.index("flamingo")


def test_what_was_not_answered_is_said_and_what_was_not_asked_has_no_value():
    found = measured(Judge(lambda question: "I cannot say"))["five_acc"]
    assert (found.value, found.note) == (0, "4 of 4 answers are none to the question")
    assert measured(sees("flamingo"), None)["five_acc"].note == "needs questions"
    for lacking in (
        Questions(new=SWAN.new),
        Questions(choice=SWAN.choice),
        Questions(SWAN.old, SWAN.new, "Which? x, y"),
    ):
        assert measured(sees("flamingo"), lacking)["five_acc"].value is None
    added = measured(sees("flamingo"), Questions(new=SWAN.new, choice=SWAN.choice))
    assert added["five_yes_no"].value == 1, "an edit that takes nothing away has no question of the old thing"


def test_without_a_judge_the_command_that_fetches_one_is_said():
    edits = [Edit("one", CLIP, CLIP, questions=SWAN)]
    with pytest.raises(WeightsError, match=r"run: onereel weights fetch qwen2\.5-vl-7b"):
        measure_edits(edits, context=context(), measures=["five_acc_both_orders"])
    entry = Weights().entries["qwen2.5-vl-7b"]
    assert {str(entry.kept(part)) for part in entry.files} >= {"config.json", "model-00005-of-00005.safetensors"}


def test_fives_questions_go_through_the_sheet(tmp_path):
    folder = five(tmp_path / "five")
    path = folder / "edit_prompt/edit3_FiVE.json"
    (item,) = json.loads(path.read_text())
    asked = {
        "source_yes_no_question": "Is the bus red?", "target_yes_no_question": "Is the bus blue?",
        "multiple_choice_question": "Which colour has the bus? \na) Red \nb) Blue",
    }  # fmt: skip
    path.write_text(json.dumps([item | asked]))
    edits = read_layout("five", folder)
    assert edits[0].questions == Questions(
        "Is the bus red?", "Is the bus blue?", "Which colour has the bus? a) Red b) Blue"
    )
    assert edits[1].questions is None
    (tmp_path / "edits.csv").write_text(sheet_text(edits, tmp_path))
    assert [edit.questions for edit in read_sheet(tmp_path / "edits.csv")] == [edit.questions for edit in edits]
    rows = list(csv.DictReader(io.StringIO(sheet_text(edits, tmp_path))))
    assert rows[0]["choice_question"].endswith("b) Blue")


def qwen(folder: Path) -> Resolved:
    """A Qwen2.5-VL of one layer with its processor, as a fetch would leave it."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2TokenizerFast,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )  # fmt: skip

    special = [
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|image_pad|>",
        "<|video_pad|>",
    ]
    letters = sorted({*map(chr, range(33, 127)), "Ġ", "Ċ"})
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({letter: index for index, letter in enumerate(letters)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    reads = Qwen2TokenizerFast(
        str(folder / "vocab.json"), str(folder / "merges.txt"), additional_special_tokens=special
    )
    template = (
        "{% for m in messages %}{% for part in m.content %}{% if part.type == 'image' %}"
        "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}{% endfor %}{% endfor %}"
    )
    pixels = {"patch_size": 4, "merge_size": 2, "min_pixels": 64, "max_pixels": 256}
    processor = Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(**pixels), reads, Qwen2VLVideoProcessor(**pixels), chat_template=template
    )
    processor.save_pretrained(folder)
    ids = {
        "vision_start_token_id": reads.convert_tokens_to_ids("<|vision_start|>"),
        "image_token_id": reads.convert_tokens_to_ids("<|image_pad|>"),
        "video_token_id": reads.convert_tokens_to_ids("<|video_pad|>"),
    }
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    rope = {"rope_type": "default", "type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    config = Qwen2_5_VLConfig(
        text_config={**sizes, "intermediate_size": 16, "vocab_size": len(reads), "rope_parameters": rope},
        vision_config={
            **{"depth": 1, "hidden_size": 16, "num_heads": 2, "intermediate_size": 16, "out_hidden_size": 16},
            **{"patch_size": 4, "fullatt_block_indexes": [0], "window_size": 16},
        },
        **ids,
    )  # fmt: skip
    torch.manual_seed(0)
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder)
    parts = {path.name: (path, "") for path in folder.iterdir()}
    made = resolved("questions", folder.parent, {})
    return Resolved(folder.name, "questions", "tiny", "tiny", made.sha256, stand_in=False, parts=parts)


def test_a_network_of_the_published_class_is_asked(tmp_path, monkeypatch):
    weights = qwen(tmp_path / "qwen")
    monkeypatch.setattr(Resolved, "subfolder", lambda self, name: tmp_path / "qwen")
    judge = VideoQuestions(weights)
    said = {}

    def generate(**inputs):
        said.update(inputs)
        said["logits"] = judge.model(
            **{k: v for k, v in inputs.items() if k not in ("max_new_tokens", "do_sample")}
        ).logits
        told = judge.processor.tokenizer("Yes", return_tensors="pt").input_ids
        return torch.cat([inputs["input_ids"], told], 1)

    monkeypatch.setattr(judge.model, "generate", generate)
    assert judge.ask(CLIP, "Is it red?") == "Yes", "what was asked is no part of the answer"
    assert len(said["image_grid_thw"]) == 4
    assert torch.isfinite(said["logits"]).all()
    assert "Is it red?" in judge.processor.tokenizer.decode(said["input_ids"][0])
    (tmp_path / "qwen/config.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"weights 'qwen'.*cannot be loaded"):
        VideoQuestions(weights)


def test_frames_are_the_middles_of_equal_parts():
    assert evenly(40, 4) == [5, 15, 25, 35]
    assert evenly(3, 4) == [0, 1, 2]
