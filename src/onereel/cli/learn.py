"""``onereel benchmark learn``: strength, steps and alpha by kind of edit, from truth."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from onereel.base.devices import resolve_device
from onereel.base.errors import ConfigError
from onereel.base.files import write_json, write_text
from onereel.base.parsing import parse_settings
from onereel.base.progress import terminal_progress
from onereel.jobs.automatic import learn_choices
from onereel.jobs.inputs import resolve_backbones
from onereel.methods import Job, Task, configure, load_method
from onereel.methods.dreamix.automatic import Choices
from onereel.methods.dreamix.config import DreamixConfig
from onereel.methods.dreamix.learning import Setting
from onereel.metrics.edits import Judge, read_edits_config
from onereel.scenes.world import EditSet


def learn(
    *,
    strengths: str,
    tunings: str,
    preset: str,
    settings: Sequence[str],
    number: int,
    first: int,
    work: Path,
    out: Path,
    device: str,
    say: Callable[[str], None],
) -> None:
    """Run the grid, write what was chosen, and print it.

    Raises: OnereelError before anything is made, where names or numbers are wrong.
    """
    grid = parse_grid(strengths, tunings)
    method = load_method("dreamix")
    config = configure(method, preset, parse_settings(";".join(settings), "--set"), task=Task.EDIT_TEXT)
    assert isinstance(config, DreamixConfig)
    backbones = resolve_backbones(method, Task.EDIT_TEXT, config, "auto")
    target = resolve_device(device)
    job = Job(target, backbones=backbones, progress=terminal_progress)
    defaults = read_edits_config()
    asked = defaults.benchmark.model_copy(update={"first": first, "number": number, "sources": "shared"})
    asked = EditSet.model_validate(asked.model_dump())
    judge = Judge(thresholds=defaults.thresholds, device=target)
    found = learn_choices(method, config, grid, asked, replace(job, seed=0), judge, work)
    write_json(out, found.model_dump(mode="json"))
    page = "\n".join(told(found))
    write_text(out.with_suffix(".md"), page + "\n")
    say(page)
    say(f"{out}: written, and {out.with_suffix('.md').name} beside it")


def parse_grid(strengths: str, tunings: str) -> list[Setting]:
    """Every strength with every fine-tuning: ``0.5,0.9`` and ``0,64:1,200:0.65`` (steps:alpha).

    Raises: ConfigError naming what is no number in its range.
    """
    pairs = []
    for cell in tunings.split(","):
        steps, _, alpha = cell.strip().partition(":")
        pairs.append((_number("--tunings", steps, 100_000), _number("--tunings", alpha or "1", 1)))
    levels = [_number("--strengths", cell.strip(), 1) for cell in strengths.split(",")]
    return [Setting(strength, int(steps), alpha) for (steps, alpha), strength in product(pairs, levels)]


def told(choices: Choices) -> list[str]:
    """What was learned, in lines of Markdown: by kind the choice and its success beside that of the fixed one, and the
    calibration of the score."""
    lines = ["| kind | strength | steps | alpha | success | fixed |", "| --- | --- | --- | --- | --- | --- |"]
    rows = {**choices.kinds, "the fixed one": choices.fixed}
    for kind, one in rows.items():
        cells = f"{one.strength:g} | {one.finetune_steps} | {one.alpha:g} | {one.success:.2f} | {one.fixed:.2f}"
        lines.append(f"| {kind} | {cells} |")
    score = choices.score
    auc = "-" if score.auc is None else f"{score.auc:.2f}"
    lines += ["", f"Told before sampling: Brier {score.brier:.3f}, AUC {auc}.", "", "| told | seen | edits |"]
    lines += ["| --- | --- | --- |"]
    return lines + [f"| {each.predicted:.2f} | {each.observed:.2f} | {each.edits} |" for each in score.calibration]


def _number(option: str, cell: str, most: float) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise ConfigError(option, f"'{cell}' is no number from 0 to {most:g}", "write e.g. 0.5,0.9 or 0,64:1,200:0.65")
    return number
