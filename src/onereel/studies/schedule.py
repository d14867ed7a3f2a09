"""Who sees what, in which order and on which side: drawn from the study's seed, before anybody answers."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from onereel.studies.design import Design
from onereel.studies.items import REGULAR, TRAINING, Item

Slot = list[tuple[int, tuple[int, ...]]]
"""What one rater sees: the items' numbers, each with the order of its films from left to right."""


def draw_schedule(design: Design, items: Sequence[Item]) -> list[Slot]:
    """One slot for every rater that is planned for.

    Training comes first. Then a rater's share of the items in a drawn order, with the checks among them, never in the
    first place. Over all slots every item is seen equally often (to one) and every film equally often on each side.
    """
    rng = np.random.default_rng([design.seed, 2])
    training = [number for number, item in enumerate(items) if item.role == TRAINING]
    regular = [number for number, item in enumerate(items) if item.role == REGULAR]
    checks = [number for number, item in enumerate(items) if item.role not in (REGULAR, TRAINING)]
    share = min(design.per_rater or len(regular), len(regular))
    stream = _Stream(regular, rng)
    sides = [_Sides(len(item.films), rng) for item in items]
    slots = []
    for _ in range(design.raters):
        order = [int(number) for number in rng.permutation(stream.take(share))]
        for check in rng.permutation(checks):
            order.insert(int(rng.integers(min(1, len(order)), len(order) + 1)), int(check))
        slots.append([(number, sides[number].next()) for number in [*training, *order]])
    return slots


class _Stream:
    """Items without end, each as often as any other."""

    def __init__(self, items: Sequence[int], rng: np.random.Generator) -> None:
        self._items, self._rng, self._queue = items, rng, deque[int]()

    def take(self, count: int) -> list[int]:
        """So many different items."""
        taken: list[int] = []
        later = deque[int]()
        while len(taken) < count:
            if not self._queue:
                self._queue.extend(int(item) for item in self._rng.permutation(self._items))
            item = self._queue.popleft()
            (later if item in taken else taken).append(item)
        self._queue.extendleft(reversed(later))
        return taken


class _Sides:
    """Orders of an item's films: drawn anew for each round, in which every film takes every place once."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._count, self._rng, self._round = count, rng, list[tuple[int, ...]]()

    def next(self) -> tuple[int, ...]:
        """The order for the next rater."""
        if not self._round:
            first = self._rng.permutation(self._count)
            turned = [tuple(int(place) for place in np.roll(first, turn)) for turn in range(self._count)]
            self._round = [turned[index] for index in self._rng.permutation(self._count)]
        return self._round.pop()
