"""Edits proposed for a clip: by rule of worlds, and by tiny random networks of the published classes."""

import json

import pytest
import torch

from onereel.base.errors import ConfigError, WeightsError
from onereel.cli.app import app
from onereel.jobs.prompts import KINDS, describe_frame, propose_by_networks, propose_by_rule
from onereel.metrics.measures.sheet import read_sheet
from onereel.video import clip as clips
from onereel.video.clip import Clip
from tests.unit.metric_clips import textured

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[DEC]", "a", "kite", "red", "sky", "of", "Caption:", "Change"]


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        bos_token="[DEC]", eos_token="[SEP]",
    )  # fmt: skip


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A BLIP that says "kite" and a GPT-2 that says "red", for ever: their last layers are biased so."""
    from transformers import (
        BertTokenizer,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
        GPT2Config,
        GPT2LMHeadModel,
    )  # fmt: skip

    folder = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    ids = {"bos_token_id": 4, "sep_token_id": 3, "eos_token_id": 3, "pad_token_id": 0}
    text = {**sizes, **ids, "vocab_size": len(WORDS), "encoder_hidden_size": 8, "max_position_embeddings": 64}
    vision = {**sizes, "image_size": 16, "patch_size": 8}
    blip = BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision, projection_dim=8))
    blip.text_decoder.cls.predictions.decoder.bias.data[WORDS.index("kite")] = 100
    blip.save_pretrained(folder / "blip")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    reads = BertTokenizer(str(folder / "vocab.txt"), do_lower_case=False, bos_token="[DEC]")
    BlipProcessor(BlipImageProcessor(size={"height": 16, "width": 16}), reads).save_pretrained(folder / "blip")
    gpt = GPT2LMHeadModel(GPT2Config(vocab_size=len(WORDS), n_positions=512, n_embd=8, n_layer=1, n_head=1))
    gpt.transformer.ln_f.bias.data[:] = gpt.lm_head.weight.data[WORDS.index("red")] * 1e4
    gpt.transformer.ln_f.weight.data[:] = 0
    gpt.generation_config.eos_token_id = 3
    gpt.save_pretrained(folder / "gpt")
    tokenizer().save_pretrained(folder / "gpt")
    return folder


def test_a_world_has_edits_of_every_kind_that_it_can_have(tmp_path, capsys):
    edits = propose_by_rule("scene:world?seed=3&frames=16", "world-3")
    assert len(edits) >= 6
    assert {edit.source_prompt for edit in edits} == {edits[0].source_prompt}
    assert all(edit.prompt != edit.source_prompt for edit in edits)
    assert {edit.kind: edit.moves for edit in edits}["style"] is False
    (one,) = propose_by_rule("scene:world?seed=3", "w", ["style"])
    assert one.prompt == next(edit.prompt for edit in edits if edit.kind == "style")
    app(["benchmark", "prompts", "scene:world?seed=3", "--out", str(tmp_path / "e.csv")], standalone_mode=False)
    asked = read_sheet(tmp_path / "e.csv")
    assert [edit.prompt for edit in asked] == [edit.prompt for edit in edits]
    assert str(asked[0].source) == "scene:world?seed=3"
    assert edits[0].prompt in capsys.readouterr().out
    with pytest.raises(ConfigError, match="is there already"):
        app(["benchmark", "prompts", "scene:world", "--out", str(tmp_path / "e.csv")], standalone_mode=False)


def test_other_clips_need_networks():
    with pytest.raises(ConfigError, match="name --captioner and --writer"):
        propose_by_rule("scene:balloons", "b")
    with pytest.raises(ConfigError, match="seed is 'x'"):
        propose_by_rule("scene:world?seed=x", "b")
    with pytest.raises(ConfigError, match="choose one of"):
        propose_by_rule("scene:world?seed=1", "b", ["sound"])


def test_a_captioner_and_a_language_model_make_prompts(networks, tmp_path):
    frames = textured((3, 32, 32))
    clips.write(tmp_path / "mine.mkv", Clip(frames))
    told = describe_frame(frames[1], str(networks / "blip"))
    assert set(told.split()) == {"kite"}
    edits = propose_by_networks(str(tmp_path / "mine.mkv"), "mine", str(networks / "blip"), str(networks / "gpt"))
    assert [edit.kind for edit in edits] == list(KINDS)
    assert {edit.source_prompt for edit in edits} == {told}
    assert all(set(edit.prompt.split()) == {"red"} for edit in edits)
    with pytest.raises(ConfigError, match="is none that is asked of a language model"):
        propose_by_networks("x", "x", "x", "x", ["speed"])


def test_networks_that_are_not_there_are_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "no such"}))
    with pytest.raises(WeightsError, match=r"captioner '.*cannot be loaded"):
        describe_frame(textured((1, 16, 16))[0], str(tmp_path))
