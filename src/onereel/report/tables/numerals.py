"""How a measured number is written: three significant digits, the interval in the digits of the mean."""

import math
from dataclasses import dataclass

_MAX_DECIMALS = 4
_SPANS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))  # seconds in each
_FROM = 2.0  # of a unit, before it is the one to say


@dataclass(frozen=True)
class Numeral:
    """A number in text.

    Attributes:
        mean: the number itself.
        low: lower end of its interval, in the same digits; empty where there is none.
        high: upper end.
        exponent: power of ten that all three are to be multiplied by; 0 for none.
    """

    mean: str
    low: str = ""
    high: str = ""
    exponent: int = 0


def numeral(mean: float, low: float | None = None, high: float | None = None) -> Numeral:
    """Write `mean` and, if given, its interval.

    Numbers from 0.001 up to a million are written out with at most four decimals (``0.0072``), smaller and larger ones
    with a power of ten that the interval shares (``7.07 [6.50, 7.90] x 10^-4``). An infinite mean has no interval.
    """
    if math.isinf(mean):
        return Numeral("∞" if mean > 0 else "−∞")
    reference = abs(mean) or max(abs(low or 0), abs(high or 0))
    magnitude = math.floor(math.log10(reference)) if reference > 0 else 0
    exponent = 0 if -3 <= magnitude < 6 else magnitude
    decimals = min(max(2 - magnitude + exponent, 0), _MAX_DECIMALS)

    def write(value: float | None) -> str:
        if value is None:
            return ""
        text = f"{value / 10**exponent:.{decimals}f}"
        text = text.lstrip("-") if float(text) == 0 else text
        return (text.rstrip("0").rstrip(".") or "0") if float(text) == 0 else text

    return Numeral(write(mean), write(low), write(high), exponent)


def brief(value: float | None, unit: str = "") -> str:
    """A number in running text: ``0.0072``, ``18.2 s``, ``7.1e-4``; a dash for None."""
    if value is None:
        return "–"
    number = numeral(value)
    text = f"{number.mean}e{number.exponent}" if number.exponent else number.mean
    return f"{text} {unit}".strip()


def duration(seconds: float | None) -> str:
    """A time as people say it: ``0.31 s``, ``41.0 s``, ``19.7 min``, ``7.63 d``; a dash for None."""
    if seconds is None:
        return "–"
    span, unit = next(((span, unit) for span, unit in _SPANS if seconds >= _FROM * span), _SPANS[-1])
    return brief(seconds / span, unit)
