from fractions import Fraction

import pytest

from onereel.ingest.request import IngestRequest, parse_fps, parse_position, parse_request


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("0", 0),
        ("12", 12),
        ("007", 7),
        ("1.5", Fraction(3, 2)),
        ("1,5", Fraction(3, 2)),
        ("1.", Fraction(1)),
        (".5", Fraction(1, 2)),
        ("12s", Fraction(12)),
        ("0.1s", Fraction(1, 10)),
        ("1:02", Fraction(62)),
        ("0:00.04", Fraction(1, 25)),
        ("90:00", Fraction(5400)),
        ("1:00:02.5", Fraction(7205, 2)),
    ],
)
def test_positions(text: str, position: int | Fraction) -> None:
    parsed = parse_position(text)
    assert parsed == position
    assert type(parsed) is type(position)


@pytest.mark.parametrize(
    "text", ["-1", "-0.5", "1:60", "1:60:00", "abc", "1e3", "nan", "inf", "1,500", "1:2:3:4", "٣", "s"]
)
def test_what_is_no_position(text: str) -> None:
    with pytest.raises(ValueError, match="start"):
        parse_position(text, "start")


@pytest.mark.parametrize(
    ("value", "rate"),
    [
        ("12", 12),
        ("23.976", Fraction(2997, 125)),
        ("23,976", Fraction(2997, 125)),
        (23.976, Fraction(2997, 125)),
        ("30000/1001", Fraction(30000, 1001)),
        (Fraction(25, 2), Fraction(25, 2)),
        (24, 24),
        ("0.5", Fraction(1, 2)),
    ],
)
def test_rates_are_exact(value: str | float | Fraction, rate: Fraction) -> None:
    assert parse_fps(value) == rate


@pytest.mark.parametrize("value", ["0", "-1", "1001", "nan", "inf", "x", "1/0", 0.0, float("nan"), Fraction(-1)])
def test_absurd_rates_are_refused(value: str | float | Fraction) -> None:
    with pytest.raises(ValueError, match="fps"):
        parse_fps(value)


def test_nothing_given_keeps_everything() -> None:
    assert parse_request() == parse_request("", " ", "", "") == IngestRequest(0, None, None, None)


@pytest.mark.parametrize(("start", "end"), [("3", "3"), ("4", "2"), ("2.0", "1.5"), ("1:00", "59s"), (None, "0")])
def test_start_comes_before_end(start: str | None, end: str) -> None:
    with pytest.raises(ValueError, match="end"):
        parse_request(start, end)


def test_a_frame_and_a_time_are_compared_only_when_the_source_is_known() -> None:
    assert parse_request("100", "0.5").end == Fraction(1, 2)


@pytest.mark.parametrize("height", ["0", "-2", 0, "9000", "x", "1.5"])
def test_absurd_heights_are_refused(height: str | int) -> None:
    with pytest.raises(ValueError, match="height"):
        parse_request(height=height)
