"""What an error of ours looks like."""

from onereel.base.errors import OnereelError
from onereel.base.masking import masked


def test_an_error_is_one_line_that_is_read_to_its_end():
    text = str(OnereelError("sheet,\nline 3", f"unknown column '{'{a: ' * 2000}x'", "use name"))
    assert text.startswith("sheet, line 3: unknown column '{a: {a:")
    assert text.endswith("{a: x'; use name")
    assert "\n" not in text
    assert len(text) < 350


def test_a_text_without_end_is_looked_through_in_one_go():
    """Where the time grows with the square of the length, this takes a quarter of an hour."""
    for text in ("?" + "token" * 200_000, "http://" + "a:" * 200_000):
        assert masked(text) == text
    assert masked(f"http://me:{'x' * 3000}@host/v.mkv?a_token={'y' * 3000}&n=1") == "http://host/v.mkv?a_token=***&n=1"
