"""Automatic choice: strength, steps and alpha by kind of edit, and whether an edit will succeed (section 7).

The paper leaves both for later: "learning a regressor from (input video, prompt) to the optimal hyperparameters", and
"being able to determine the successful pairs in advance". Here truth is known: ``onereel benchmark learn`` runs a grid
on known edits of seeds that nothing is reported of, and writes what is read here. Needs no torch: sheets are read with
it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, TypeAdapter, ValidationError

from onereel.base.errors import MethodError
from onereel.base.files import sha256_of
from onereel.base.names import did_you_mean
from onereel.base.paths import config_folder
from onereel.base.settings import Settings

if TYPE_CHECKING:
    from onereel.video.clip import Frames

FILE = Path("automatic/dreamix.json")
"""Of what was learned, below the project's ``config``."""
LEARN = "onereel benchmark learn"
FEATURES = ("rarest word", "words changed", "moves", "contrast", "detail")
"""What a prediction of success reads besides the kind of edit; see `features_of`."""

Share = Annotated[float, Field(ge=0, le=1)]


class Choice(Settings):
    """What a kind of edit gets.

    Both shares of success are honest: for each source, the choice was made on all others.
    """

    strength: Share
    """s."""
    finetune_steps: int = Field(ge=0)
    """Steps of fine-tuning."""
    alpha: Share
    """Weight of the video objective."""
    edits: int = Field(ge=1)
    """How many known edits of the kind it was chosen on."""
    success: Share
    """Share of them that succeed with the choice."""
    fixed: Share
    """Share that succeeds with the one setting that is best over all kinds."""


class Bin(Settings):
    """One point of a calibration curve."""

    predicted: Share
    """Mean prediction."""
    observed: Share
    """Share that succeeded."""
    edits: int = Field(ge=1)
    """How many."""


class Score(Settings):
    """A logistic regression: how likely an edit is to succeed."""

    kinds: Mapping[str, float]
    """Intercept of each kind of edit."""
    weights: tuple[float, ...] = Field(min_length=len(FEATURES), max_length=len(FEATURES))
    """Of `FEATURES`, after `mean` was subtracted and they were divided by `spread`."""
    mean: tuple[float, ...] = Field(min_length=len(FEATURES), max_length=len(FEATURES))
    """Of the edits that it was learned on."""
    spread: tuple[float, ...] = Field(min_length=len(FEATURES), max_length=len(FEATURES))
    """Of these, > 0."""
    calibration: tuple[Bin, ...]
    """Of predictions for sources that the regression had not seen."""
    brier: Share
    """Their mean squared error; 0 is best, 0.25 a coin."""
    auc: Share | None
    """Share of pairs of a success and a failure that they put in order; 0.5 a coin. None where all ended alike."""

    def predict(self, kind: str, features: Sequence[float]) -> float:
        """Probability of success, in (0, 1); of an unknown kind with the mean intercept."""
        scaled = ((value - mean) / spread for value, mean, spread in zip(features, self.mean, self.spread, strict=True))
        start = self.kinds.get(kind, sum(self.kinds.values()) / len(self.kinds))
        total = start + sum(weight * value for weight, value in zip(self.weights, scaled, strict=True))
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))


class Words(Settings):
    """What is known of words.

    `kinds` tells the kind of an edit (naive Bayes over the words that the prompts do not share), `seen` how often a
    word stood in the captions that the model was trained with (section 7: rarer ones were edited worse).
    """

    kinds: Mapping[str, Mapping[str, int]]
    """By kind of edit, how many edits took away (-) or brought (+) a word: ``{"time": {"-day": 3, "+night": 2}}``."""
    edits: int = Field(ge=1)
    """Of each kind."""
    seen: Mapping[str, int]
    """Captions with the word."""
    captions: int = Field(ge=1)
    """Of how many."""

    def kind_of(self, source_prompt: str, prompt: str) -> str:
        """The likeliest kind."""
        changed = changed_words(source_prompt, prompt)

        def likelihood(kind: str) -> float:
            known = self.kinds[kind]
            return sum(math.log((known.get(word, 0) + 0.1) / (self.edits + 0.2)) for word in changed)

        return max(sorted(self.kinds), key=likelihood)


class Choices(Settings):
    """What was learned of one backbone."""

    backbone: str
    """Its title and checksum, as records print them."""
    first: int
    """Seed of the first known edit that it was learned on."""
    number: int = Field(ge=1)
    """How many seeds."""
    kinds: Mapping[str, Choice] = Field(min_length=1)
    """By kind of edit."""
    fixed: Choice
    """The one setting that is best over all kinds."""
    words: Words
    """Of prompts."""
    score: Score
    """Of success."""

    def of_kind(self, kind: str) -> Choice:
        """What a kind of edit gets.

        Raises: MethodError for a kind that nothing is known of.
        """
        if kind not in self.kinds:
            known = tuple(self.kinds)
            problem = f"nothing was learned of '{kind}'" if kind else "the kind of the edit is not known"
            remedy = did_you_mean(kind, known) if kind else f"set source_prompt, or edit_kind to {', '.join(known)}"
            raise MethodError("dreamix, strength 'auto'", problem, remedy)
        return self.kinds[kind]


def read_choices(path: Path | None = None) -> Choices:
    """What was learned.

    Raises: MethodError where nothing was yet, or the file is damaged.
    """
    path = path or config_folder() / FILE
    if not path.is_file():
        problem = "nothing was learned yet: there is no " + f"'config/{FILE}'"
        raise MethodError("dreamix, strength 'auto'", problem, f"run: {LEARN}, or set a strength from 0 to 1")
    status = path.stat()
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, *_: int) -> Choices:
    try:
        return TypeAdapter(Choices).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        told = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise MethodError(f"dreamix, '{path.name}'", f"cannot be used ({told})", f"run: {LEARN}") from None


def digest_of_choices() -> str:
    """Checksum of what was learned; empty where nothing was."""
    path = config_folder() / FILE
    return sha256_of(path) if path.is_file() else ""


def words_of(prompt: str) -> frozenset[str]:
    """The words of a prompt, in small letters."""
    return frozenset(re.findall(r"[a-z]+(?:-[a-z]+)*", prompt.lower()))


def changed_words(source_prompt: str, prompt: str) -> tuple[str, ...]:
    """Words that only one of two prompts has: ``-day``, ``+night``."""
    before, after = words_of(source_prompt), words_of(prompt)
    return tuple(sorted([f"-{word}" for word in before - after] + [f"+{word}" for word in after - before]))


def features_of(words: Words, source_prompt: str, prompt: str, frames: Frames) -> tuple[float, ...]:
    """`FEATURES` of an edit, all of them known before any sampling.

    Args:
        words: of the model's captions.
        source_prompt, prompt: what the clip shows, and should show; without the former all words of the latter count as
            new.
        frames: (T, H, W, 3) uint8, the clip.

    Returns: log10 of how often the rarest new word stood in a thousand captions; how many words changed; mean absolute
        difference of neighbouring frames, spread of grey levels, mean absolute difference of neighbouring pixels, all
        in grey levels.
    """
    import numpy as np

    changed = changed_words(source_prompt, prompt)
    counts = [words.seen.get(word[1:], 0) for word in changed if word.startswith("+")]
    rarest = math.log10(1000 * (min(counts, default=words.captions) + 0.5) / (words.captions + 0.5))
    grey = frames.mean(-1, dtype=np.float32)
    moves = float(np.abs(np.diff(grey, axis=0)).mean()) if len(grey) > 1 else 0.0
    detail = float(np.abs(np.diff(grey, axis=2)).mean()) if grey.shape[2] > 1 else 0.0
    return rarest, float(len(changed)), moves, float(grey.std()), detail
