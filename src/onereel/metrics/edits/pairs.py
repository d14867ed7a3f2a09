"""Questions with a known answer: edit pairs of worlds of one group, of which classifiers can tell every attribute."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count, islice
from typing import Any

from onereel.base.errors import ConfigError
from onereel.scenes.world import EDITS, FIRST_UNSEEN, EditPair, edit_pair, edit_specs, sample_world
from onereel.scenes.world.spec import WorldSpec, stream

_TRIES = 500


def known_pair(seed: int, kind: str, **rendering: Any) -> EditPair:
    """The pair of one seed and kind, of a source with one group of things.

    Args:
        seed: >= 0; what is reported uses `FIRST_UNSEEN` and above, what is tuned those below.
        kind: of `EDITS`.
        rendering: frames, height, width, fps as in `edit_pair`.

    Raises: ConfigError for a negative seed or an unknown kind.
    """
    return edit_pair(seed, kind, source=_source(seed, kind), **rendering)


def known_pairs(
    each: int, *, kinds: Sequence[str] = EDITS, first: int = FIRST_UNSEEN, **rendering: Any
) -> list[EditPair]:
    """`each` pairs of every kind, of seeds from `first` on; other arguments as in `known_pair`."""
    return [known_pair(seed, kind, **rendering) for kind in kinds for seed in islice(count(first), each)]


def _source(seed: int, kind: str) -> WorldSpec:
    """The first world of this seed's own that such an edit can be made of."""
    if kind not in EDITS or seed < 0:
        edit_specs(seed, kind)  # says what is wrong
    rng = stream(seed, "known", kind)
    for _ in range(_TRIES):
        world = sample_world(FIRST_UNSEEN + int(rng.integers(1 << 40)))
        single = replace(world, groups=world.groups[:1])
        try:
            edit_specs(seed, kind, single)
        except ConfigError:
            continue
        return single
    raise AssertionError(f"no source for an edit of {kind} in {_TRIES} worlds for seed {seed}")
