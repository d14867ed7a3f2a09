"""The key of a study: which film is whose, and the right answers. It never lies in the published folder."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from onereel.base.errors import ConfigError
from onereel.base.files import read_json
from onereel.studies.design import FAKE, NONE, NOT_SURE, REAL, SCALE_POINTS, Design, Form
from onereel.studies.items import IDENTICAL, REGULAR, Item
from onereel.studies.schedule import Slot

FORMAT = "onereel-study-1"
_GOOD, _BAD = 4, 2.5  # of 5: what some scale must reach for the source itself, and no mean may for a spoilt film


@dataclass(frozen=True)
class KeyItem:
    """An item with the names that the page knows.

    Attributes:
        id: of the item.
        films: names of its films, in the order of the item's methods.
        item: what it is.
        source: name of the film that is shown beside; "" for none.
    """

    id: str
    films: tuple[str, ...]
    item: Item
    source: str = ""

    def method_of(self, film: str) -> str:
        """Whose film that is."""
        return self.item.methods[self.films.index(film)]


@dataclass(frozen=True)
class Key:
    """A study with everything that raters are not told.

    Attributes:
        id: what answers call the study; another study, or another build of it with other films, has another.
        design: what it asks.
        items: all items.
        slots: what the raters see, by number.
        films: what each film is a copy of, by name.
    """

    id: str
    design: Design
    items: tuple[KeyItem, ...]
    slots: tuple[Slot, ...]
    films: Mapping[str, str]

    @cached_property
    def by_id(self) -> dict[str, KeyItem]:
        """Items by their names."""
        return {item.id: item for item in self.items}

    def shown(self, slot: int) -> list[tuple[KeyItem, tuple[str, ...]]]:
        """What a rater of that slot sees: the items, with their films from left to right."""
        return [(self.items[n], tuple(self.items[n].films[i] for i in order)) for n, order in self.slots[slot]]

    def training_of(self, item: KeyItem) -> str:
        """The right answer of an item to practise on: a film, fake, or "" for scales."""
        match self.design.form:
            case Form.PAIR | Form.BEST:
                return item.films[0]
            case Form.REAL:
                return FAKE
            case _:
                return ""

    def passes(self, item: KeyItem, answer: str) -> bool:
        """Whether an answer to an attention check is right.

        An identical pair: not sure, or none of them. A spoilt film: the other is chosen (or none of them: both may be
        bad edits), it is fake, it is rated 2.5 of 5 at most in the mean. The source in the place of an edit: at
        least 4 on a scale.
        """
        if self.design.form is Form.RATING:
            points = list(parse_points(answer).values())
            if item.item.role == IDENTICAL:
                return max(points, default=0) >= _GOOD
            return bool(points) and sum(points) / len(points) <= _BAD
        if item.item.role == IDENTICAL:
            return answer in (NOT_SURE, NONE)
        return answer in (self.training_of(item), NONE)

    def is_answer(self, item: KeyItem, answer: str) -> bool:
        """Whether that could be answered to the item at all."""
        match self.design.form:
            case Form.REAL:
                return answer in (REAL, FAKE)
            case Form.RATING:
                points = parse_points(answer)
                return points.keys() == self.design.rated.keys() and all(
                    1 <= point <= SCALE_POINTS for point in points.values()
                )
            case _:
                return answer in (*item.films, *self.design.allow)

    def plain(self) -> dict[str, Any]:
        """The key as JSON can hold it."""
        return {"format": FORMAT, **TypeAdapter(Key).dump_python(self, mode="json")}


def make_key(design: Design, items: Sequence[Item], slots: Sequence[Slot], digests: Mapping[str, str]) -> Key:
    """Give items and films names that say nothing.

    Args:
        design: of the study.
        items: its items.
        slots: what raters see.
        digests: of what every film shows, by reference: part of the study's own name.
    """
    rng = np.random.default_rng([design.seed, 3])
    # A film that is shown twice in one item, or in a check, has another name there: equal names would tell.
    places = [(number, place) for number, item in enumerate(items) for place in range(len(item.films))]
    alone = [(number, place) for number, place in places if items[number].role != REGULAR]
    shared = {film: None for item in items if item.role == REGULAR for film in item.films}
    sources = {item.source: None for item in items if item.source}
    total = len(alone) + len(shared) + len(sources)
    width = max(3, len(str(total)))
    names = iter(f"f{number:0{width}}" for number in rng.permutation(total))
    of_film = {film: next(names) for film in shared}
    of_place = {place: next(names) for place in alone}
    of_source = {film: next(names) for film in sources}
    ids = rng.permutation(len(items))
    found = []
    for number, item in enumerate(items):
        films = tuple(of_place.get((number, place)) or of_film[film] for place, film in enumerate(item.films))
        found.append(KeyItem(f"q{ids[number]:0{width}}", films, item, of_source.get(item.source, "")))
    copies = {name: film for film, name in of_film.items()} | {name: film for film, name in of_source.items()}
    copies |= {of_place[number, place]: items[number].films[place] for number, place in alone}
    said = [design.model_dump(mode="json"), [[one.id, one.films, digests_of(one, digests)] for one in found], slots]
    ident = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
    return Key(ident, design, tuple(found), tuple(slots), dict(sorted(copies.items())))


def digests_of(item: KeyItem, digests: Mapping[str, str]) -> list[str]:
    """What the films of an item show."""
    return [digests[film] for film in (*item.item.films, *filter(None, [item.item.source]))]


def read_key(path: Path) -> Key:
    """The key that a build wrote.

    Raises: ConfigError for what is none.
    """
    remedy = "name the .json file that `onereel study build` wrote beside the folder"
    try:
        content = read_json(path)
    except FileNotFoundError:
        raise ConfigError(f"'{path}'", "there is no such key", remedy) from None
    except (OSError, ValueError):
        raise ConfigError(f"'{path}'", "is no key of a study", remedy) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ConfigError(f"'{path}'", "is no key of a study", remedy)
    try:
        return TypeAdapter(Key).validate_python({k: v for k, v in content.items() if k not in ("format", "written")})
    except ValidationError:
        raise ConfigError(f"'{path}'", "is a damaged key", "build the study again, from the same samples") from None


def parse_points(answer: str) -> dict[str, int]:
    """``"quality=3;alignment=4"`` as points by scale; nothing for what is written otherwise."""
    points = {}
    for part in answer.split(";"):
        name, equals, value = part.partition("=")
        if not equals or not (value.isascii() and value.isdigit()) or len(value) > 1 or name in points:
            return {}
        points[name] = int(value)
    return points
