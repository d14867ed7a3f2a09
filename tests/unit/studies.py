"""A study of made-up films, for tests of everything but its page."""

from collections.abc import Sequence
from typing import Any

from onereel.studies.design import Design
from onereel.studies.items import Subject, make_items
from onereel.studies.key import Key, make_key
from onereel.studies.schedule import draw_schedule

METHODS = ("vgpnn", "singan_gif", "sinfusion")


def subjects(count: int = 4, samples: int = 2, methods: Sequence[str] = METHODS) -> list[Subject]:
    """Clips with as many samples of every method; every second one is an edit of the kind motion."""
    return [
        Subject(
            f"clip{number}",
            {method: tuple(f"{method}/clip{number}/{sample}" for sample in range(samples)) for method in methods},
            source=f"clips/clip{number}",
            prompt="a red kite",
            kind="motion" if number % 2 else "style",
        )
        for number in range(count)
    ]


def design(**given: Any) -> Design:
    """A 2AFC study of three methods, or what is asked for instead."""
    return Design(**{"study": "tiny", "form": "2afc", "methods": METHODS, "allow": ("not_sure",), "raters": 40} | given)


def key_of(asked: Design, of: Sequence[Subject] | None = None) -> Key:
    """Its key."""
    items = make_items(asked, subjects() if of is None else of)
    films = {film: film for item in items for film in (*item.films, item.source)}
    return make_key(asked, items, draw_schedule(asked, items), films)
