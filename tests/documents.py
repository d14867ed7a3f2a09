"""The commands that README and docs tell people to type, and where they are run."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "data/sources/README.md", *sorted(ROOT.glob("docs/*.md")))
PROGRAMS = {"onereel", "snakemake", "make", "dvc", "python", "git", "source", "pytest", "pip", "uv", ".ci/run"}

ALONE = {"make", "snakemake", ".ci/run"}
"""What is a command without arguments; other programs' names alone only name them."""


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        page: where it stands.
        words: what a shell makes of it.
        comment: what stands behind it after a #.
    """

    page: Path
    words: tuple[str, ...]
    comment: str = ""

    @property
    def text(self) -> str:
        """The command in one line."""
        return " ".join(self.words)

    @property
    def program(self) -> str:
        """The first word."""
        return self.words[0]


RUN_BY = {
    "make": (
        "Makefile",
        "demo: env ## the comparison that config/demo describes, from clips to report\n"
        "\tsnakemake --replace-workflow-config --configfile config/demo/config.yaml\n",
    ),
    "make env": (".ci/run", "make env"),
    "make lint": (".ci/run", "make lint"),
    "make test": (".ci/run", "make test"),
    "pytest -m gate or scores": (".ci/run", 'pytest -m "gate or scores"'),
    "make pull": ("tests/workflow/test_dvc.py", '"workflow/pull.sh"'),
    "snakemake": ("tests/workflow/conftest.py", 'snakemake("--quiet", "rules")'),
    "snakemake --profile slurm": ("tests/slurm/test_slurm.py", '["snakemake", "--profile", "slurm"]'),
    "snakemake --profile slurm -n": ("tests/workflow/test_engine.py", '"--profile", "slurm", "-n"'),
    "onereel init holiday.mov --start 1.5s --end 4s --method vgpnn --method sinfusion": (
        "tests/unit/test_init.py",
        "start_project(sources",
    ),
    "snakemake edits": ("tests/workflow/test_edits.py", 'planned("--", "edits")'),
    "snakemake stand_ins": ("tests/workflow/test_engine.py", 'planned("--", "stand_ins")'),
    "dvc remote add --default storage s3://…": ("tests/workflow/test_dvc.py", '"dvc", "remote", "add"'),
    "dvc repro": ("tests/workflow/test_dvc.py", '"dvc", "repro"'),
    "dvc push": ("tests/workflow/test_dvc.py", '"dvc", "push"'),
    "dvc commit --force": ("tests/workflow/test_dvc.py", '"dvc", "commit", "--force"'),
    "dvc metrics show": ("tests/workflow/test_dvc.py", '"dvc", "metrics", "show"'),
    "dvc metrics diff": ("tests/workflow/test_dvc.py", '"dvc", "metrics", "diff"'),
    "dvc plots show": ("tests/workflow/test_dvc.py", '"dvc", "plots", "show"'),
    "dvc add data/sources/NAME.mp4": ("tests/gate/test_commands.py", '"dvc", "add"'),
    "onereel weights adopt NAME results/stand_ins/NAME": ("tests/unit/test_standins.py", 'adopt("clip-world"'),
    "onereel generate clip.mkv --method gaussian --out samples/": ("tests/gate/test_commands.py", '"gaussian"'),
}
"""Where a command is run, and what stands there."""
_UNTRAINED = "its stand-in is not shipped; tests/unit/test_gen1.py runs the method on tiny networks"
_GEN1 = "onereel generate clip.mkv --method gen1 --task"
NOT_RUN = {
    f"{_GEN1} edit_structure --prompt a pencil sketch of a boat --out edited/": _UNTRAINED,
    f"{_GEN1} edit_structure --input content=photo.png --out edited/": _UNTRAINED,
    f"{_GEN1} edit_masked --input keep=mask.png --prompt a boat at night --out edited/": _UNTRAINED,
    f"{_GEN1} customise --input images=dog/ --prompt a dog in the snow --out edited/": _UNTRAINED,
    "source .venv/bin/activate": "every test runs in the environment",
    "make format": "rewrites the tree; `make lint` runs the same programs",
    ".ci/run": "runs this test",
    "snakemake results/stand_ins/NAME/card.md": "trains for half an hour; of `stand_ins` the plan is tested",
    "onereel weights fetch c3d-sports1m inception-v3 clip-vit-b-32 raft-large midas-dpt-large": "downloads gigabytes",
    "onereel weights fetch latte-1": "downloads gigabytes",
    "snakemake results/stand_ins/gen1-world-structure/card.md": "trains for hours; of `stand_ins` the plan is tested",
    **dict.fromkeys(
        (
            "onereel generate clip.mkv --method dreamix --task edit_text --preset fast --prompt A large red kite rising"
            " in the hills at night. --out night/",
            "onereel generate --method dreamix --task animate_image --preset fast --input picture=photo.png --prompt A"
            " boat sailing left in the rain. --set camera=zoom in --out animated/",
            "onereel generate --method dreamix --task subject --preset fast --input images=photos --prompt A sks moving"
            " left over the sea. --out subject/",
            "onereel benchmark learn --number 8 --preset fast",
            "onereel edit clip.mkv a kite over the sea at night --method text_to_video --preset fast --out edits/",
        ),
        "needs the weights of t2v-world, which are no part of this tree yet",
    ),
}
"""Why a command is not run."""


def placed(command: Command) -> bool:
    """Whether it is known where the command is run, or why it is not."""
    return command.text in RUN_BY or command.text in NOT_RUN


def measured(command: Command) -> bool:
    """Whether the command made numbers, which takes hours; what it runs must be there."""
    return command.program == "python" or "--configfile" in command.words


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The fenced blocks of these languages."""
    for language, body in re.findall(
        r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    ):
        if language in languages:
            yield body


def commands(page: Path) -> Iterator[Command]:
    """Every command of a page: lines of shell blocks, indented lines and inline code that begin with a program."""
    for body in blocks(page, "sh", "bash", "console", ""):
        for line in body.splitlines():
            yield from split(page, line)
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for code in [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^ {4,}(\S.*)", text, re.MULTILINE)]:
        if code.split()[0] in PROGRAMS and (" " in code or code in ALONE):
            yield from split(page, code)


def split(page: Path, line: str) -> Iterator[Command]:
    """The commands of one line, between ; and &&."""
    line, _, comment = re.match(r"(.*?)(\s#(.*))?$", line).groups(default="")  # type: ignore[union-attr]
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    for word in [*lexer, ";"]:
        if not set(word) <= set(";&|"):
            words.append(word)
        elif words:
            yield Command(page, tuple(words), comment.strip())
            words = []
