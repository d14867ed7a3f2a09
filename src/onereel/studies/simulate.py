"""Raters that a computer plays, to try a study and its analysis. Their names say what they are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from onereel.base.errors import ConfigError
from onereel.base.names import did_you_mean
from onereel.studies.answers import Answer, Session
from onereel.studies.design import FAKE, NONE, NOT_SURE, REAL, SCALE_POINTS, SPOILT, Form
from onereel.studies.items import IDENTICAL
from onereel.studies.key import Key, KeyItem

SIMULATED = "simulated-"
"""What the name of every simulated rater begins with."""
TIES, CARELESS = 0.2, 0.1
"""Of a crowd of which nothing else is said."""
_SPOILT, _SAME = -20.0, 3.0
_START = 1_767_225_600_000  # ms since 1970: the first of January 2026


@dataclass(frozen=True)
class Crowd:
    """What simulated raters think.

    Attributes:
        worth: of a film, by method: log odds against one of 0, as Bradley-Terry has it.
        ties: Davidson's parameter: two equal films are not told apart with chance ties / (1 + ties).
        rater_spread: standard deviation of what a rater thinks of a method beside the others, log odds.
        item_spread: the same of an item.
        careless: share of raters who press anything.
    """

    worth: Mapping[str, float]
    ties: float = 0.0
    rater_spread: float = 0.0
    item_spread: float = 0.0
    careless: float = 0.0

    @property
    def told(self) -> str:
        """The preference model, in a sentence that stands below the numbers."""
        worth = ", ".join(f"{name} {value:g}" for name, value in self.worth.items())
        unsure = f"; equal films are not told apart with chance {self.ties / (1 + self.ties):.2g}" if self.ties else ""
        pressed = f"{100 * self.careless:g} % press anything"
        return f"What they were made to think: {worth} (log odds against 0){unsure}; {pressed}."


def worth_of(where: str, methods: Sequence[str], given: Mapping[str, str]) -> dict[str, float]:
    """What a crowd thinks of every method, in their order: the numbers that are given, else 0.

    Raises: ConfigError that begins with `where`, for a method that is none of these, and for what is no number.
    """
    found = dict.fromkeys(methods, 0.0)
    for name, value in given.items():
        if name not in found:
            raise ConfigError(where, f"'{name}' is no method of the study", did_you_mean(name, methods))
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = math.nan
        if not math.isfinite(found[name]):
            raise ConfigError(where, f"'{name}={value}' is no METHOD=NUMBER", f"write {name}=0.5")
    return found


def simulate(key: Key, crowd: Crowd, raters: int, *, seed: int = 0) -> list[Session]:
    """Sessions of so many raters, each in an order of its own; named ``simulated-0000`` and so on."""
    rng = np.random.default_rng([seed, 7])
    of_item = {(item.id, name): rng.normal(0, crowd.item_spread) for item in key.items for name in crowd.worth}
    sessions = []
    for number in range(raters):
        careless = rng.random() < crowd.careless
        of_rater = {name: rng.normal(0, crowd.rater_spread) for name in crowd.worth}
        answers = []
        for item, shown in key.shown(number % len(key.slots)):
            worth = [
                _SPOILT if method == SPOILT
                else crowd.worth.get(method, 0.0) + of_rater.get(method, 0.0) + of_item.get((item.id, method), 0.0)
                for method in item.item.methods
            ]  # fmt: skip
            said = _anything(key, item, rng) if careless else _answer(key, item, np.array(worth), crowd.ties, rng)
            answers.append(Answer(item.id, shown, said, int(rng.integers(2000, 9000)), 1, True))
        started = _START + number * 60_000
        finished = started + sum(answer.ms for answer in answers) + 1000 * len(answers)
        session = Session(
            key.id, f"{SIMULATED}{number:04}", number % len(key.slots), started, finished, False, 0, tuple(answers)
        )
        sessions.append(session.signed())
    return sessions


def _answer(key: Key, item: KeyItem, worth: np.ndarray, ties: float, rng: np.random.Generator) -> str:
    match key.design.form:
        case Form.REAL:
            return REAL if rng.random() < 1 / (1 + np.exp(-worth[0])) else FAKE
        case Form.RATING:
            return _points(key, _SAME if item.item.role == IDENTICAL else float(worth[0]), rng)
        case _:
            if item.item.role == IDENTICAL:
                return NOT_SURE
            strength = np.exp(worth)
            choices = list(item.films)
            if NOT_SURE in key.design.allow and len(choices) == 2:
                strength = np.append(strength, 2 * ties * np.sqrt(strength.prod()))
                choices.append(NOT_SURE)
            elif NONE in key.design.allow:
                strength, choices = np.append(strength, ties), [*choices, NONE]
            return str(rng.choice(choices, p=strength / strength.sum()))


def _points(key: Key, worth: float, rng: np.random.Generator) -> str:
    middle = (1 + SCALE_POINTS) / 2
    said = {
        scale: int(np.clip(round(middle + worth + rng.normal(0, 0.8)), 1, SCALE_POINTS)) for scale in key.design.rated
    }
    return ";".join(f"{scale}={points}" for scale, points in said.items())


def _anything(key: Key, item: KeyItem, rng: np.random.Generator) -> str:
    match key.design.form:
        case Form.REAL:
            return str(rng.choice([REAL, FAKE]))
        case Form.RATING:
            return ";".join(f"{scale}={rng.integers(1, SCALE_POINTS + 1)}" for scale in key.design.rated)
        case _:
            return str(rng.choice([*item.films, *key.design.allow]))
