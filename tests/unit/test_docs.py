"""docs/tasks.md says what is: every task is in it, and takes the settings and inputs that it names."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from onereel.methods import Task, check_inputs, configure, load_method
from onereel.sheet import parse_settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tasks.md"
SECTIONS = {"VGPNN": "vgpnn", "SinFusion": "sinfusion", "SinGAN-GIF": "singan_gif"}


def rows() -> Iterator[tuple[str, str, str]]:
    """Method, task and the rest of a row, of every table of tasks."""
    method = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## ([\w-]+)(.*)", line):
            method = "" if " on " in heading[2] else SECTIONS.get(heading[1], "")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = [cell.strip("`") for cell in cells if re.fullmatch(r"`\w+`", cell)]
        if method and names and names[0] in set(Task):
            yield method, names[0], line
        elif len(names) >= 2 and names[1] in set(Task):
            yield names[0], names[1], line


def test_every_task_of_every_method_is_there():
    found = {(method, task) for method, task, _ in rows()}
    methods = {method for method, _ in found}
    assert methods == {"vgpnn", "sinfusion", "singan_gif", "singan", "hp_vae_gan"}
    assert found == {(method, str(task)) for method in methods for task in load_method(method).tasks}


@pytest.mark.parametrize(
    ("method", "task", "line"), list(rows()), ids=[f"{method}-{task}" for method, task, _ in rows()]
)
def test_settings_and_inputs_of_the_page_are_taken(method, task, line):
    chosen, task = load_method(method), Task(task)
    pairs = re.findall(r"`([\w.]+)=([^`]+)`", line)
    inputs = [(key, value) for key, value in pairs if value in ("…", "FILE", "clip:NAME")]
    for key, value in pairs:
        if (key, value) not in inputs:
            configure(chosen, "fast", parse_settings(f"{key}={value}", "docs/tasks.md"), task=task)
    for role, form in inputs:
        if form != "FILE":
            check_inputs(chosen, task, clips=[role])
        if form != "clip:NAME":
            check_inputs(chosen, task, files=[role])
    roles = chosen.roles.get(task)
    assert {role for role, _ in inputs} == ((roles.clips | roles.files) if roles else set())
