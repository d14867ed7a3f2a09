"""Names that there are, as a regular expression for wildcards."""

import random
import re

import pytest

from onereel.base.names import pattern_of

LETTERS = "ab01c-_."
SETS = (
    {"one"},
    {"a", "ab", "abc", "b", "-", "a-b", "^", "]"},
    {f"c{number}" for number in range(300)},
    {f"c{number}-{method}" for number in range(40) for method in ("vgpnn", "gpnn", "itself")},
    {"aba", "aa", "a", "abba", "abab"},
)


@pytest.mark.parametrize("names", SETS)
def test_a_pattern_takes_its_names_and_nothing_else(names):
    draw, pattern = random.Random(0), re.compile(pattern_of(names))
    assert {name for name in names if pattern.fullmatch(name)} == names
    for name in sorted(names) * (1 + 500 // len(names)):
        at, letter = draw.randrange(len(name) + 1), draw.choice(LETTERS)
        for other in (name[:at] + name[at + 1 :], name[:at] + letter + name[at:], name[:at] + letter + name[at + 1 :]):
            assert bool(pattern.fullmatch(other)) == (other in names), other


def test_no_names_match_nothing_and_many_stay_short():
    assert re.fullmatch(pattern_of(()), "") is None
    assert len(pattern_of([f"clip{number:04}-vgpnn" for number in range(1000)])) < 100
