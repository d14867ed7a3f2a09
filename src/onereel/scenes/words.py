"""Words for captions."""

from collections.abc import Sequence

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def number(amount: int) -> str:
    """7 -> "seven"; figures from thirteen on."""
    return _NUMBERS[amount] if amount < len(_NUMBERS) else str(amount)


def count(amount: int, noun: str) -> str:
    """(7, "balloon") -> "Seven balloons"."""
    return f"{number(amount).capitalize()} {noun}{'' if amount == 1 else 's'}"


def listed(items: Sequence[str]) -> str:
    """["a", "b", "c"] -> "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
