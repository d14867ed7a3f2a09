"""Training curves on disk: what is no number is left out, and nothing about them is ever an error."""

import pytest

from onereel.training.curves import curves_text, read_curves


def test_rows_come_back(tmp_path):
    rows = [{"step": 1.0, "loss": 0.5}, {"step": 2.0, "loss": 0.25, "psnr": 1e-7}]
    (tmp_path / "c.tsv").write_text(curves_text(rows))
    assert read_curves(tmp_path / "c.tsv") == rows
    assert curves_text([], first=("step", "level")) == "step\tlevel\n"


@pytest.mark.parametrize(
    ("content", "steps"),
    [
        (b"step\tloss\n1\t2\nx\t3\n\t4\n5\tnan\n6\t1e999\n7\t8\t9\n8\n", [1, 5, 6, 7, 8]),
        (b"step\tloss\n1\t\xff\n", []),
        (b"step\tloss\n1\t" + b"9" * 200_000, []),
        ("step\tloss\n1\t2\n".encode("utf-16"), []),
        (b"loss\n1\n", []),
        (b"", []),
    ],
)
def test_damage_is_left_out(tmp_path, content, steps):
    (tmp_path / "c.tsv").write_bytes(content)
    rows = read_curves(tmp_path / "c.tsv")
    assert [row["step"] for row in rows] == steps
    assert all(abs(value) < 1e100 for row in rows for value in row.values())


def test_a_missing_file_has_no_rows(tmp_path):
    assert read_curves(tmp_path / "none.tsv") == []
