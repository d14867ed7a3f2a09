"""The kinds of things in a world: where they live, how they move, which colours they wear, how captions call them."""

from dataclasses import dataclass

BRIGHT = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
DIRECTIONS = ("left", "right", "up", "down", "still")
_ALL = DIRECTIONS
_LEVEL = ("left", "right", "still")


@dataclass(frozen=True)
class Kind:
    """What is true of every thing of one kind.

    Attributes:
        habitat: "air", "ground", "surface" (on the water) or "under" (below it).
        directions: ways it can move, of `DIRECTIONS`.
        colours: names that it can wear.
        scale: height over the size of its class, so that all kinds look about equally big.
        foot: its lowest point, in heights below its centre.
        settings: settings that suit it; empty for all that have its habitat.
        nouns: (singular, plural) pairs that captions choose from.
        glows: whether it shines by itself and ignores the light.
        wears: whether captions say "in red" and not "red".
    """

    habitat: str
    directions: tuple[str, ...]
    colours: tuple[str, ...]
    scale: float
    foot: float
    nouns: tuple[tuple[str, str], ...]
    settings: tuple[str, ...] = ()
    glows: bool = False
    wears: bool = False


KINDS: dict[str, Kind] = {
    "balloon": Kind("air", _ALL, BRIGHT, 1.1, 0.5, (("hot-air balloon", "hot-air balloons"), ("balloon", "balloons"))),
    "bird": Kind("air", ("left", "right", "up", "down"), BRIGHT, 1.15, 0.3, (("bird", "birds"),)),
    "butterfly": Kind("air", _ALL, BRIGHT, 1.0, 0.4, (("butterfly", "butterflies"),)),
    "kite": Kind("air", _ALL, BRIGHT, 1.15, 0.5, (("kite", "kites"),)),
    "plane": Kind(
        "air", ("left", "right"), (*BRIGHT, "white"), 1.25, 0.3, (("plane", "planes"), ("aeroplane", "aeroplanes"))
    ),
    "rocket": Kind("air", ("up", "down", "still"), BRIGHT, 1.2, 0.5, (("rocket", "rockets"),)),
    "cloud": Kind("air", _LEVEL, ("white", "grey", "pink"), 1.15, 0.3, (("cloud", "clouds"),)),
    "sun": Kind(
        "air",
        ("up", "down", "still"),
        ("yellow", "orange", "red"),
        1.0,
        0.5,
        (("sun", "suns"),),
        settings=("sky", "land", "water"),
        glows=True,
    ),
    "moon": Kind(
        "air",
        ("up", "down", "still"),
        ("white", "yellow"),
        1.0,
        0.5,
        (("moon", "moons"), ("crescent moon", "crescent moons")),
        settings=("sky", "land", "water"),  # not before towers
        glows=True,
    ),
    "car": Kind("ground", _LEVEL, BRIGHT, 1.15, 0.38, (("car", "cars"),)),
    "tree": Kind("ground", ("still",), ("green", "orange", "pink", "yellow"), 1.15, 0.5, (("tree", "trees"),)),
    "house": Kind("ground", ("still",), BRIGHT, 1.05, 0.46, (("house", "houses"),), settings=("land",)),
    "person": Kind(
        "ground", _LEVEL, BRIGHT, 1.2, 0.5, (("person", "people"), ("walker", "walkers")), wears=True
    ),
    "ball": Kind("ground", _LEVEL, BRIGHT, 0.8, 0.46, (("ball", "balls"), ("beach ball", "beach balls"))),
    "boat": Kind("surface", _LEVEL, BRIGHT, 1.1, 0.36, (("sailing boat", "sailing boats"), ("boat", "boats"))),
    "fish": Kind("under", _ALL, BRIGHT, 1.15, 0.3, (("fish", "fish"),)),
}  # fmt: skip

HABITATS = {
    "sky": ("air",),
    "land": ("air", "ground"),
    "water": ("air", "surface", "under"),
    "city": ("air", "ground"),
}
"""Settings and the habitats that each has."""

SETTINGS, TIMES = tuple(HABITATS), ("day", "sunset", "night")
WEATHERS, STYLES = ("clear", "rain", "snow", "fog"), ("plain", "pencil", "watercolour", "cartoon")
CAMERAS = ("still", "pan left", "pan right", "zoom in", "zoom out")
SIZES, SPEEDS = ("small", "large"), ("slow", "fast")
COLOURS = (*BRIGHT, "white", "grey")
MOST = 4  # of a kind, small; a large thing counts twice
