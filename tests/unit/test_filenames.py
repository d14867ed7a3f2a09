"""Names of other people's files become names of ours, each its own, and can be shown."""

import os
import re

from hypothesis import given
from hypothesis import strategies as st

from onereel.base.errors import ClipError
from onereel.base.filenames import readable, safe_names

ODD = [
    "a b", "it's \"q\"", "[x] {y} (z)", "100%d", "a#b?c", "a:b", "a;b", "a\nb", "é漢字🎈", "-dash", "..", "*", "a,b",
    "{run}", "a+b@c", "x" * 250, "x" * 251, os.fsdecode(b"caf\xe9"), os.fsdecode(b"caf\xe8"),
]  # fmt: skip


def test_safe_names_stay():
    names = ["0", "10", "take_2", "a-b", "v1.0"]
    assert safe_names(names) == {name: name for name in names}


def test_odd_names_become_safe_ones_and_are_kept():
    safe = safe_names(ODD)
    assert list(safe.values()) == ODD
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", name) for name in safe)
    assert next(iter(safe)).startswith("a-b-")
    assert safe_names(ODD) == safe


def test_names_that_differ_in_case_alone_do_not_meet():
    safe = safe_names(["Take", "take", "TAKE", "other"])
    assert len({name.lower() for name in safe}) == 4
    assert "other" in safe


def test_a_file_that_is_called_as_the_safe_name_of_another():
    (made,) = safe_names(["a b"])
    assert list(safe_names(["a b", made]).values()) == ["a b", made]
    assert len(safe_names(["a b", made, made.upper()])) == 3


@given(st.lists(st.text(alphabet="aA-._ {é", min_size=1, max_size=4), unique=True, max_size=12))
def test_no_two_names_ever_meet(names):
    safe = safe_names(names)
    assert len({name.lower() for name in safe}) == len(names)
    assert list(safe.values()) == names


def test_what_cannot_be_printed_is_escaped():
    shown = readable(os.fsdecode(b"caf\xe9 \xc3\xa9") + "漢🎈\n\u2028\ud800")
    assert shown == "caf\\xe9 é漢🎈\\n\\u2028\\ud800"
    error = ClipError("clip '" + os.fsdecode(b"caf\xe9") + "'", "two\nlines", "mend")
    assert str(error) == "clip 'caf\\xe9': two lines; mend"
