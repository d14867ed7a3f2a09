"""Draw worlds: every combination that the rules allow can come, kinds and styles about equally often."""

from dataclasses import replace

import numpy as np

from onereel.base.errors import ConfigError
from onereel.scenes.world.kinds import CAMERAS, HABITATS, KINDS, SIZES, STYLES, TIMES, WEATHERS
from onereel.scenes.world.layout import crowded
from onereel.scenes.world.spec import Group, WorldSpec, colours_of, complaints, stream

FIRST_UNSEEN = 10_000_000
"""Seeds from here on are never trained on, nor is anything tuned on them: what is reported comes from them."""
_TRIES = 2000
_STYLE_SHARES = ((0.46, 0.18, 0.18, 0.18), (0.6, 0.2, 0.2))  # of all styles; of those without pencil


def sample_world(seed: int) -> WorldSpec:
    """The world of one seed.

    Args:
        seed: >= 0.

    Raises: ConfigError for a negative seed.
    """
    if seed < 0:
        raise ConfigError("scene 'world'", f"seed is {seed}", "the least is 0")
    rng = stream(seed, "world")
    kind = _one(rng, tuple(KINDS))  # once: what is rarely possible is not rarer for it
    for _ in range(_TRIES):
        spec = _draw(rng, seed, kind)
        if spec is not None and not any(complaints(spec)) and not crowded(spec):
            return spec
    raise AssertionError(f"no world in {_TRIES} draws for seed {seed}")


def _draw(rng: np.random.Generator, seed: int, kind: str) -> WorldSpec | None:
    settings = [
        setting
        for setting, habitats in HABITATS.items()
        if KINDS[kind].habitat in habitats and (not KINDS[kind].settings or setting in KINDS[kind].settings)
    ]
    style = _one(rng, tuple(one for one in STYLES if (kind, one) != ("moon", "pencil")), _STYLE_SHARES[kind == "moon"])
    fair = KINDS[kind].glows  # seen in clear weather by a still camera only; drawn so, instead of thrown away
    bare = WorldSpec(
        seed=seed,
        setting=_one(rng, tuple(settings)),
        time="day" if style == "pencil" else _one(rng, TIMES, (0.4, 0.3, 0.3)),
        weather="clear" if fair else _one(rng, WEATHERS, (0.46, 0.18, 0.18, 0.18)),
        style=style,
        camera="still" if fair else _one(rng, CAMERAS, (0.6, 0.1, 0.1, 0.1, 0.1)),
    )
    first = draw_group(rng, bare, kind)
    if first is None:
        return None
    spec = replace(bare, groups=(first,))
    if rng.random() < 0.4:
        others = [other for other in KINDS if other != kind and KINDS[other].habitat in HABITATS[bare.setting]]
        second = draw_group(rng, bare, _one(rng, tuple(others)))
        both = replace(bare, groups=(first, second)) if second else spec
        if not any(complaints(both)):
            return both
    return spec


def draw_group(rng: np.random.Generator, spec: WorldSpec, kind: str) -> Group | None:
    """A group of a kind for a world, whether or not they go together; None where no colour of it would stand out."""
    colours = colours_of(kind, spec)
    if not colours:
        return None
    return Group(
        kind=kind,
        colour=_one(rng, colours),
        count=1 + int(rng.choice(4, p=(0.55, 0.2, 0.15, 0.1))),
        size=_one(rng, SIZES, (0.45, 0.55)),
        direction=_one(rng, KINDS[kind].directions),
        speed=_one(rng, ("slow", "fast")),
    )


def _one(rng: np.random.Generator, items: tuple[str, ...], shares: tuple[float, ...] | None = None) -> str:
    return items[int(rng.choice(len(items), p=shares))]
