"""Digests say what files hold, whatever their dates, and nothing is read twice."""

import os
import shutil
import time
from pathlib import Path

import pytest

from onereel.base import digests
from onereel.base.digests import Digests
from onereel.base.files import sha256_of

OLD = 10**9
"""A date long ago, in seconds."""


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """Names of the files that are read; every file is old enough to be remembered."""
    names: list[str] = []

    def counted(path: Path) -> str:
        names.append(path.name)
        return sha256_of(path)

    monkeypatch.setattr(digests, "sha256_of", counted)
    monkeypatch.setattr(digests, "_YOUNG_NS", -(10**12))
    return names


def of(folder: Path, *paths: Path) -> list[str]:
    """What a new process says."""
    known = Digests(folder / "store/digests.json")
    digests_of = [known.of(str(path)) for path in paths]
    known.save()
    return digests_of


def write(path: Path, text: str, date: int = OLD) -> Path:
    path.write_text(text)
    os.utime(path, (date, date))
    return path


def test_what_has_not_changed_is_read_once(tmp_path, read):
    take = write(tmp_path / "take.mp4", "one")
    first = of(tmp_path, take)
    assert first == [sha256_of(take)]
    assert of(tmp_path, take) == first
    assert read == ["take.mp4"]
    os.utime(take)
    assert of(tmp_path, take) == first, "a date is no content"


def test_another_take_of_an_older_date_is_noticed(tmp_path, read):
    take, other = write(tmp_path / "take.mp4", "one"), write(tmp_path / "other.mp4", "two", OLD - 9)
    before = of(tmp_path, take)
    shutil.copy2(other, take)  # cp -p
    copied = of(tmp_path, take)
    assert copied != before
    write(tmp_path / "third.mp4", "six", OLD - 9).replace(take)  # mv, same size and date
    assert of(tmp_path, take) not in (before, copied)


def test_a_link_that_points_elsewhere_is_noticed(tmp_path, read):
    one, two, link = write(tmp_path / "1", "one"), write(tmp_path / "2", "two"), tmp_path / "link"
    link.symlink_to(one)
    assert of(tmp_path, link) == of(tmp_path, one)
    link.unlink()
    link.symlink_to(two)
    assert of(tmp_path, link) == of(tmp_path, two)


def test_folders_are_names_and_contents(tmp_path, read):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(3):
        write(folder / f"{number}.png", f"picture {number}")
    (folder / os.fsdecode(b"\xe9.png")).write_text("a name that is no UTF-8")
    before = of(tmp_path, folder)
    write(folder / ".hidden", "x")
    assert of(tmp_path, folder) == before
    assert len(read) == 4, "hidden files were read, or others twice"
    (folder / "0.png").rename(folder / "x")
    (folder / "1.png").rename(folder / "0.png")
    (folder / "x").rename(folder / "1.png")
    swapped = of(tmp_path, folder)
    assert swapped != before
    (folder / "2.png").rename(folder / "3.png")
    assert of(tmp_path, folder) not in (before, swapped)


@pytest.mark.parametrize("name", ["none", "x" * 5000, "a\0b", "pipe", "loop", "dangling"])
def test_what_cannot_be_read_has_no_digest(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert of(tmp_path, tmp_path / name) == [""]


def test_a_file_of_this_moment_may_change_within_the_clocks_tick(tmp_path):
    write(tmp_path / "take.mp4", "one")
    of(tmp_path, tmp_path / "take.mp4")
    assert not (tmp_path / "store").exists()


def test_a_store_that_is_damaged_or_cannot_be_written_costs_time_only(tmp_path, read, monkeypatch):
    take, store = write(tmp_path / "take.mp4", "one"), tmp_path / "store/digests.json"
    store.parent.mkdir()
    for rubbish in ("", "[]", '{"x": 1}', "\0"):
        store.write_text(rubbish)
        assert of(tmp_path, take) == [sha256_of(take)]
    monkeypatch.setattr(digests, "write_text", lambda *_: (_ for _ in ()).throw(PermissionError))
    store.unlink()
    assert of(tmp_path, take) == [sha256_of(take)]


def test_files_that_are_gone_are_forgotten(tmp_path, read):
    one, two = write(tmp_path / "1", "one"), write(tmp_path / "2", "two")
    of(tmp_path, one)
    one.unlink()
    of(tmp_path, two)
    text = (tmp_path / "store/digests.json").read_text()
    assert str(two) in text
    assert str(one) not in text


def test_one_process_says_the_same_all_the_time(tmp_path):
    take = write(tmp_path / "take.mp4", "one")
    known = Digests(tmp_path / "digests.json")
    before = known.of(str(take))
    write(take, "two", int(time.time()))
    assert known.of(str(take)) == before
