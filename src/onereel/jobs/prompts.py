"""Edits proposed for a clip, as Gen-1 made its own (Esser et al. 2023, Sec. 4.3): a captioner says what a frame shows,
a language model rewrites the caption. Of the scene `world` both are known by rule, and need no network.

Networks are transformers' by name: a folder, or a repository on the Hugging Face hub.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import torch
from PIL import Image

from onereel import ingest
from onereel.base.errors import ConfigError, WeightsError
from onereel.base.tensorfiles import first_line
from onereel.metrics.edits.summary import MOVED
from onereel.metrics.measures.sheet import Asked
from onereel.scenes.world import EDITS, EVERYTHING, sample_world
from onereel.scenes.world.edits import edit_captions
from onereel.video.clip import Frames

_WORDS = 40  # tokens of a caption, and of a rewritten one
_EXAMPLES = """\
Rewrite the caption of a video so that one thing is different and everything else stays.
Caption: a man walks his dog in a park. Change of style: a watercolour painting of a man walking his dog in a park.
Caption: a red car drives down a road. Change of object: a horse gallops down a road.
Caption: a woman dances in a kitchen. Change of background: a woman dances on a beach.
Caption: a boat sails on a lake. Change of style: a pencil sketch of a boat sailing on a lake.
"""
KINDS = ("style", "object", "background")
"""What a language model is asked to change; of worlds all kinds of edits can be."""


def propose_by_rule(clip: str, name: str, kinds: Sequence[str] | None = None) -> list[Asked]:
    """An edit of every kind that a world can have; prompts say all that can be told of it.

    Args:
        clip: ``scene:world?seed=...``.
        name: of the clip, for the edits' names.
        kinds: of `EDITS`; all without them.

    Raises: ConfigError for another clip, an unknown kind, or one that this world cannot have.
    """
    base, _, query = clip.partition("?")
    if base.removeprefix("scene:") != "world":
        problem = "is no world: nobody knows what it shows"
        raise ConfigError(f"clip '{clip}'", problem, "name --captioner and --writer, or a clip scene:world?seed=…")
    text = parse_qs(query).get("seed", ["0"])[-1]
    if not text.isdecimal():
        raise ConfigError(f"clip '{clip}'", f"seed is '{text}'", "write a whole number from 0 on")
    world, found = sample_world(int(text)), []
    for kind in kinds or EDITS:
        try:
            before, after = edit_captions(int(text), kind, source=world, name=EVERYTHING)
        except ConfigError:
            if kinds:
                raise
            continue  # a still cannot be made faster, nor a sketch red
        found.append(
            Asked(f"{name}-{kind}", Path(clip), kind, after.text, before.text, moves=kind in MOVED, benchmark="")
        )
    return found


def propose_by_networks(
    clip: str, name: str, captioner: str, writer: str, kinds: Sequence[str] | None = None, *, device: str = "cpu"
) -> list[Asked]:
    """An edit of every kind that a language model has words for.

    Args:
        clip: any source that `onereel ingest` takes.
        name: of the clip, for the edits' names.
        captioner: a model of transformers that makes text of a picture, e.g. BLIP.
        writer: one that goes on with a text, e.g. GPT-2 or larger; with an instruction-tuned one prompts are better.
        kinds: of `KINDS`; all without them.
        device: where they run.

    Raises: ConfigError for an unknown kind; WeightsError if a network cannot be loaded, or says nothing.
    """
    for kind in kinds or ():
        if kind not in KINDS:
            raise ConfigError(f"kind '{kind}'", "is none that is asked of a language model", f"use {', '.join(KINDS)}")
    frames = ingest.load(clip).frames
    caption = describe_frame(frames[len(frames) // 2], captioner, device=device)
    found = []
    for kind, prompt in _rewritten(caption, writer, kinds or KINDS, device):
        if prompt and prompt != caption:
            found.append(Asked(f"{name}-{kind}", Path(clip), kind, prompt, caption))
    if not found:
        problem = f"has no other words for '{caption}'"
        raise WeightsError(f"language model '{writer}'", problem, "take a larger one, or write the prompts yourself")
    return found


def describe_frame(frame: Frames, captioner: str, *, device: str = "cpu") -> str:
    """What a captioner says of a frame (H, W, 3) uint8.

    Raises: WeightsError if it cannot be loaded, or says nothing.
    """
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor, model = _loaded(captioner, "captioner", AutoProcessor, AutoModelForImageTextToText, device)
    inputs = processor(images=Image.fromarray(frame), return_tensors="pt").to(device)
    with torch.inference_mode():
        tokens = model.generate(**inputs, max_new_tokens=_WORDS, do_sample=False)
    told: str = processor.batch_decode(tokens, skip_special_tokens=True)[0].strip()
    if not told:
        raise WeightsError(f"captioner '{captioner}'", "says nothing of the clip", "take another one")
    return told


def _rewritten(caption: str, writer: str, kinds: Sequence[str], device: str) -> Iterator[tuple[str, str]]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = _loaded(writer, "language model", AutoTokenizer, AutoModelForCausalLM, device)
    for kind in kinds:
        inputs = tokenizer(f"{_EXAMPLES}Caption: {caption}. Change of {kind}:", return_tensors="pt").to(device)
        with torch.inference_mode():
            tokens = model.generate(
                input_ids=inputs.input_ids,
                attention_mask=inputs.attention_mask,
                max_new_tokens=_WORDS,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
            )
        told = tokenizer.decode(tokens[0, inputs.input_ids.shape[1] :], skip_special_tokens=True)
        yield kind, next(iter(told.strip().splitlines()), "").split("Caption:")[0].strip()


def _loaded(name: str, what: str, reader: Any, network: Any, device: str) -> tuple[Any, Any]:
    """A tokenizer or processor and its network, of a folder or of the hub."""
    try:
        return reader.from_pretrained(name), network.from_pretrained(name).to(device).eval()
    except (OSError, ValueError, KeyError, ImportError, AttributeError) as error:
        problem = f"cannot be loaded ({first_line(error)})"
        raise WeightsError(
            f"{what} '{name}'", problem, "name a folder or a repository of the Hugging Face hub"
        ) from None
