"""FiVE-Acc (Li et al. 2025, FiVE): is the edit there, in the words of a model that is asked about the video?

Two kinds of questions. Yes or no: is the old thing there (no is right), is the new one (yes is right). A choice of two:
the old thing or the new one. FiVE always puts the new one second, so that a judge who always answers "b" is always
right; here the choice is asked in both orders and right only if both answers are. Its four numbers are whether yes-no
is right, the choice, either, both; FiVE-Acc is their mean.
"""

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from onereel.metrics.base import Arrays, Context
from onereel.metrics.measures.base import Edit, Found, Measure, Questions

_YES_NO = "Answer the question about the video with YES or NO only.\n{}"
_CHOICE = "Choose the right answer about the video. Write its letter only.\n{}\na) {}\nb) {}"
_OPTIONS = re.compile(r"(?P<question>.+?)\s*\ba\)\s*(?P<old>.+?)\s*\bb\)\s*(?P<new>.+)", re.DOTALL)
_BEGINS = re.compile(r"(yes|no)\b|[ab](?=\s*[).:]|$)")  # "a flamingo" names no letter
_WRONG, _RIGHT, _NEITHER = 0, 1, 2  # what an answer is; neither: no answer to the question


@dataclass(frozen=True)
class _Asked:
    """One question, and answers to it in small letters: of a choice, the option's letter or its words."""

    text: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]


def asked_of(questions: Questions) -> tuple[list[_Asked], list[_Asked]]:
    """Yes-no questions, and the choice in both orders; none of a kind that was not given."""
    yes_no = []
    if questions.old:
        yes_no.append(_Asked(_YES_NO.format(questions.old), ("no",), ("yes",)))
    if questions.new:
        yes_no.append(_Asked(_YES_NO.format(questions.new), ("yes",), ("no",)))
    if (options := _OPTIONS.fullmatch(questions.choice.strip())) is None:
        return yes_no, []
    question, old, new = (options[part].strip() for part in ("question", "old", "new"))
    there = _Asked(_CHOICE.format(question, old, new), ("b", _plain(new)), ("a", _plain(old)))
    back = _Asked(_CHOICE.format(question, new, old), ("a", _plain(new)), ("b", _plain(old)))
    return yes_no, [there, back]


def judged(answer: str, asked: _Asked) -> int:
    """Whether an answer is the right one, the wrong one, or none."""
    said = _plain(answer)
    if begins := _BEGINS.match(said):
        said = begins.group()
    return _RIGHT if said in asked.right else _WRONG if said in asked.wrong else _NEITHER


def _plain(text: str) -> str:
    return text.strip().lower().strip("*'\"(. ")


class _FiVE(Measure):
    better = "higher"
    roles: ClassVar[tuple[str, ...]] = ("questions",)
    wants: ClassVar[tuple[str, ...]] = ("questions",)

    def protocol(self) -> dict[str, Any]:
        """What is asked of how many frames, and when a choice is right."""
        from onereel.features.questions import FRAMES

        choice = "right in both orders"
        return {
            "name": self.name,
            "frames": FRAMES,
            "as": "pictures",
            "choice": choice,
            "templates": [_YES_NO, _CHOICE],
        }

    def find(self, edit: Edit, context: Context) -> Found:
        """Of an edit's frames."""
        assert edit.questions is not None
        yes_no, choice = asked_of(edit.questions)
        if not edit.questions.new or not choice:
            lacks = "no yes-no question of the new thing" if choice else "no choice of a) and b)"
            return Found(None, f"its questions have {lacks}")
        marks = self._marks(edit, [*yes_no, *choice], context)
        strange = int((marks == _NEITHER).sum())
        right = marks == _RIGHT
        value = self.combined(bool(right[: len(yes_no)].all()), bool(right[len(yes_no) :].all()))
        return Found(value, f"{strange} of {len(marks)} answers are none to the question" if strange else "")

    @abstractmethod
    def combined(self, yes_no: bool, choice: bool) -> float:
        """The value, given which kinds of questions were answered right."""

    def _marks(self, edit: Edit, asked: list[_Asked], context: Context) -> np.ndarray:
        from onereel.features.questions import VideoQuestions  # with transformers, which takes seconds to load

        weights = context.resolve("questions")
        judge = context.once(("questions", weights.sha256), lambda: VideoQuestions(weights, device=context.device))

        def compute() -> Arrays:
            return {"marks": np.array([judged(judge.ask(edit.output, one.text), one) for one in asked], np.uint8)}

        about = {"weights": weights.name, "sha256": weights.sha256, "asked": [one.text for one in asked]}
        return context.stored("five-acc", [edit.output], about, compute)["marks"]


class YesNo(_FiVE):
    """Whether the old thing is said to be gone and the new one to be there: 0 or 1."""

    name = "five_yes_no"
    title = "FiVE-YN (yes or no)"

    def combined(self, yes_no: bool, choice: bool) -> float:
        """Of yes-no questions alone."""
        return float(yes_no)


class Choice(_FiVE):
    """Whether the new thing is chosen rather than the old one, in both orders: 0 or 1."""

    name = "five_choice_both_orders"
    title = "FiVE-MC (choice, both orders)"

    def combined(self, yes_no: bool, choice: bool) -> float:
        """Of the choice alone."""
        return float(choice)


class Either(_FiVE):
    """Whether one of both kinds of questions is answered right: 0 or 1."""

    name = "five_union_both_orders"
    title = "FiVE-∪ (either, both orders)"

    def combined(self, yes_no: bool, choice: bool) -> float:
        """Of either."""
        return float(yes_no or choice)


class Both(_FiVE):
    """Whether both kinds of questions are answered right: 0 or 1."""

    name = "five_intersection_both_orders"
    title = "FiVE-∩ (both, both orders)"

    def combined(self, yes_no: bool, choice: bool) -> float:
        """Of both."""
        return float(yes_no and choice)


class FiVEAcc(_FiVE):
    """The mean of the four others, in [0, 1]: 1 if all questions are answered right, 0.5 if one kind of them is."""

    name = "five_acc_both_orders"
    title = "FiVE-Acc (both orders)"

    def combined(self, yes_no: bool, choice: bool) -> float:
        """Either and both add up to what the two alone do: the mean of the four is that of two."""
        return (yes_no + choice) / 2


MEASURES = (YesNo(), Choice(), Either(), Both(), FiVEAcc())
