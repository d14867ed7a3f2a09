"""What raters are shown: items made of films, with training and attention checks among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from onereel.base.errors import ConfigError
from onereel.studies.design import INPUT, PROMPT, SOURCE, SPOILT, Design, Form

SPOILED = "spoilt:"
"""Before a reference to a film: the same film, spoilt."""
TRAINING, IDENTICAL, OBVIOUS = "training", "identical", "obvious"
REGULAR = ""


@dataclass(frozen=True)
class Subject:
    """A clip, or a known edit, with what methods made of it.

    Attributes:
        name: its name.
        films: references to the samples, by method; the i-th of one is compared with the i-th of another.
        source: reference to the clip itself; "" where there is none.
        prompt: of an edit.
        kind: of an edit; "" for clips.
    """

    name: str
    films: Mapping[str, Sequence[str]]
    source: str = ""
    prompt: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Item:
    """One question.

    Attributes:
        subject: name of the clip or edit.
        methods: whose films are shown.
        films: references to them, in the order of `methods`.
        source: reference to what is shown beside; "" for nothing.
        prompt: text that is shown; "" for none.
        kind: of the edit.
        role: "" for an item that counts, else training, identical or obvious.
    """

    subject: str
    methods: tuple[str, ...]
    films: tuple[str, ...]
    source: str = ""
    prompt: str = ""
    kind: str = ""
    role: str = REGULAR


def plain_subjects(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Subjects for a job's parameters; `restore_subjects` is the way back."""
    return [{**vars(one), "films": {name: list(films) for name, films in one.films.items()}} for one in subjects]


def restore_subjects(values: Sequence[Mapping[str, Any]]) -> list[Subject]:
    """The subjects that `plain_subjects` was made of."""
    return [Subject(**{**one, "films": {name: tuple(films) for name, films in one["films"].items()}}) for one in values]


def make_items(design: Design, subjects: Sequence[Subject]) -> list[Item]:
    """The items of a study: training first, then what counts, then checks.

    Of 2AFC every pair of methods on every subject, sample by sample; of best_of all methods on every subject; else
    every sample alone. Where fewer are asked for, subjects and methods keep equal shares as far as it goes.

    Raises: ConfigError where nothing can be shown.
    """
    rng = np.random.default_rng([design.seed, 1])
    groups = [group for subject in subjects for group in _groups(design, subject)]
    if not any(groups):
        wanted = "two of its methods have samples" if design.form in (Form.PAIR, Form.BEST) else "a method has samples"
        raise ConfigError(f"study '{design.study}'", f"there is no clip of which {wanted}", "name other clips")
    regular = _some(groups, design.items, rng)
    base = [regular[index] for index in rng.permutation(len(regular))]
    drawn = iter(base * (1 + (design.training + sum(design.checks.values())) // len(base)))
    training = [_obvious(next(drawn), TRAINING) for _ in range(design.training)]
    checks = [_identical(design, next(drawn)) for _ in range(design.checks[IDENTICAL])]
    checks += [_obvious(next(drawn), OBVIOUS) for _ in range(design.checks[OBVIOUS])]
    return [*training, *regular, *checks]


def _groups(design: Design, subject: Subject) -> list[list[Item]]:
    """The items of a subject, those of the same methods together."""
    films = {name: subject.films[name] for name in design.methods if subject.films.get(name)}
    sets: list[tuple[str, ...]]
    match design.form:
        case Form.PAIR:
            sets = list(combinations(films, 2))
        case Form.BEST:
            sets = [tuple(films)] if len(films) > 1 else []
        case _:
            sets = [(name,) for name in films]
    return [
        [_item(design, subject, methods, shown) for shown in zip(*(films[name] for name in methods), strict=False)]
        for methods in sets
    ]


def _item(design: Design, subject: Subject, methods: tuple[str, ...], films: Sequence[str]) -> Item:
    beside = SOURCE in design.show or (design.form is Form.RATING and bool(subject.source))
    return Item(
        subject.name,
        methods,
        tuple(films),
        source=subject.source if beside else "",
        prompt=subject.prompt if PROMPT in design.show else "",
        kind=subject.kind,
    )


def _some(groups: list[list[Item]], number: int, rng: np.random.Generator) -> list[Item]:
    """So many items, in turn from every group, in a drawn order; 0 for all."""
    everything = [item for group in groups for item in group]
    if not number or number >= len(everything):
        return everything
    shuffled = [[group[index] for index in rng.permutation(len(group))] for group in groups]
    turns = [
        shuffled[index][turn]
        for turn in range(max(map(len, groups)))
        for index in rng.permutation(len(groups))
        if turn < len(shuffled[index])
    ]
    return turns[:number]


def _obvious(item: Item, role: str) -> Item:
    """The item with films that were spoilt: all but the first where raters choose, else the only one."""
    film, count = item.films[0], len(item.films)
    kept = 1 if count > 1 else 0
    films = (*(film,) * kept, *(f"{SPOILED}{film}",) * (count - kept))
    methods = (*item.methods[:kept], *(SPOILT,) * (count - kept))
    return Item(item.subject, methods, films, item.source, item.prompt, item.kind, role)


def _identical(design: Design, item: Item) -> Item:
    """The item with one film in all places; of a rating, the source in the place of the edit."""
    of_source = design.form is Form.RATING and bool(item.source)
    film, method = (item.source, INPUT) if of_source else (item.films[0], item.methods[0])
    count = len(item.films)
    return Item(item.subject, (method,) * count, (film,) * count, item.source, item.prompt, item.kind, IDENTICAL)
