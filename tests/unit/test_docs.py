"""What README and docs say is: every command that they tell people to type is run somewhere, every task is in
docs/tasks.md and takes the settings and inputs that it names.

`onereel` commands are run by the gate (tests/gate) and understood here. Of all others tests/documents.py says where
they are run, or why they are not: a new command in a page must get its place there.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from onereel.base.parsing import clips_and_files, parse_pairs, parse_settings
from onereel.cli.app import app
from onereel.methods import Task, check_inputs, configure, load_method, method_names
from onereel.project.heldout import read_heldout_sheet
from onereel.project.runs import read_run_sheet
from onereel.weights.store import Weights
from tests.documents import NOT_RUN, PAGES, ROOT, RUN_BY, Command, blocks, commands, measured, placed, split

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tasks.md"
SECTIONS = {
    "VGPNN": "vgpnn",
    "SinFusion": "sinfusion",
    "SinGAN-GIF": "singan_gif",
    "Text-to-video": "text_to_video",
    "Gen-1": "gen1",
    "Dreamix": "dreamix",
}


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
    assert methods == {name for name in method_names() if not load_method(name).calibration} - {"gpnn"}
    assert found == {(method, str(task)) for method in methods for task in load_method(method).tasks}


@pytest.mark.parametrize(
    ("method", "task", "line"), list(rows()), ids=[f"{method}-{task}" for method, task, _ in rows()]
)
def test_settings_and_inputs_of_the_page_are_taken(method, task, line):
    chosen, task = load_method(method), Task(task)
    pairs = re.findall(r"`([\w.]+)=([^`]+)`", line)
    inputs = [(key, value) for key, value in pairs if value in ("…", "FILE", "clip:NAME", "FOLDER")]
    for key, value in pairs:
        if (key, value) not in inputs:
            configure(chosen, "fast", parse_settings(f"{key}={value}", "docs/tasks.md"), task=task)
    roles = chosen.roles.get(task)
    for role, form in inputs:
        needed = [group for group in roles.groups if group.needed and role not in group.names]
        others = [sorted(group.files | group.folders)[0] for group in needed]
        if form in ("…", "clip:NAME"):
            check_inputs(chosen, task, clips=[role], files=others)
        if form != "clip:NAME":
            check_inputs(chosen, task, files=[role, *others])
    assert {role for role, _ in inputs} == set(roles.names if roles else ())


ALL = [command for page in PAGES for command in commands(page)]


def test_every_command_of_the_documents_is_run_or_has_a_reason():
    missing = [f"{c.page.name}: {c.text}" for c in ALL if not (c.program == "onereel" or measured(c) or placed(c))]
    assert not missing, "say in RUN_BY or NOT_RUN where these are run, or why not"
    gone = {*RUN_BY, *NOT_RUN} - {command.text for command in ALL}
    assert not gone, "no page has these any more"
    for text, (file, words) in RUN_BY.items():
        assert words in (ROOT / file).read_text(encoding="utf-8"), f"{file} does not run `{text}`"


def test_what_numbers_were_measured_with_is_there():
    for command in filter(measured, ALL):
        file = ROOT / command.words[1 if command.program == "python" else command.words.index("--configfile") + 1]
        source = file.read_text(encoding="utf-8")
        options = [word for word in command.words if word.startswith("--")] if file.suffix == ".py" else []
        assert [option for option in options if f'"{option}"' not in source] == [], command.text


def examples() -> Iterator[Command]:
    """The examples in the help of every command."""
    groups = [typer.main.get_command(app)]
    while groups:
        for command in groups.pop().commands.values():
            if isinstance(command, click.Group):
                groups.append(command)
            elif "Example:" in (command.help or ""):
                for line in command.help.partition("Example:")[2].strip().splitlines():
                    yield from split(Path("--help"), line.strip())


@pytest.mark.parametrize(
    "command",
    [command for command in [*ALL, *examples()] if command.program == "onereel"],
    ids=lambda command: f"{command.page.stem}: {command.text[:60]}",
)
def test_onereel_commands_are_understood(command):
    group, words = typer.main.get_command(app), list(command.words[1:])
    while isinstance(group, click.Group):
        assert words[0] in group.commands, command.text
        group = group.commands[words.pop(0)]
        if not words:
            return  # only named
    given = group.make_context(group.name, words).params
    if group.name == "fetch":
        assert set(given["names"]) <= {entry.name for entry in Weights().list_weights()}
    if group.name == "generate" and given["method"] != "gaussian":
        method, task = load_method(given["method"]), Task(given["task"])
        configure(method, given["preset"], parse_settings(";".join(given["settings"] or ()), "--set"), task=task)
        check_inputs(method, task, *clips_and_files(parse_pairs(";".join(given["inputs"] or ()), "--input")))


def test_rows_in_the_documents_are_sheets(tmp_path):
    (tests,), (runs,) = (list(blocks(ROOT / page, "tsv")) for page in ("README.md", "docs/tasks.md"))
    for text, read in ((tests, read_heldout_sheet), (runs, read_run_sheet)):
        (tmp_path / "sheet.tsv").write_text(text, encoding="utf-8")
        clips = ("birds", "water")
        found = (
            read(tmp_path / "sheet.tsv", clips, clips)
            if read is read_heldout_sheet
            else read(tmp_path / "sheet.tsv", clips)
        )
        assert len(found) >= len(text.splitlines()) - 1
        for row in found.values():
            configure(
                load_method(row.method), row.preset, row.settings, task=getattr(row, "task", None) or row.run.task
            )
