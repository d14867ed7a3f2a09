"""What an error of ours looks like."""

from onereel.errors import OnereelError


def test_an_error_is_one_line_that_is_read_to_its_end():
    text = str(OnereelError("sheet,\nline 3", f"unknown column '{'{a: ' * 2000}x'", "use name"))
    assert text.startswith("sheet, line 3: unknown column '{a: {a:")
    assert text.endswith("{a: x'; use name")
    assert "\n" not in text
    assert len(text) < 350
