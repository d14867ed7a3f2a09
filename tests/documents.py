"""The commands that README and docs tell people to type, and where they are run."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "data/sources/README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
)
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
        "demo: env ## the comparison that config/demo describes, from clips to report\n\t"
        "snakemake --replace-workflow-config --configfile config/demo/config.yaml\n",
    ),
    "make env": (".ci/run", "make env"),
    "make lint": (".ci/run", "make lint"),
    "make docs": (".ci/run", "make docs"),
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
    "onereel pack results/report report.html": ("tests/unit/test_report_tools.py", 'pack(root / "report", out)'),
    "snakemake edits": ("tests/workflow/test_edits.py", 'planned("--", "edits")'),
    "snakemake which_measure": ("tests/workflow/test_edits.py", 'planned("--", "which_measure")'),
    "onereel evaluate --sheet edits.csv --edits theirs/ --edits ours/ --out measures.json": (
        "tests/unit/test_evaluate_edits.py",
        'run("evaluate", "--sheet", folder / "edits.csv"',
    ),
    "onereel benchmark import five five/": ("tests/unit/test_measure_layouts.py", "import_benchmark(kind,"),
    "onereel benchmark import loveu loveu-tgve-2023/": ("tests/unit/test_measure_layouts.py", "import_benchmark(kind,"),
    "onereel benchmark layout v2vbench known_edits/edits.csv as_v2vbench/": (
        "tests/unit/test_measure_layouts.py",
        "write_benchmark(kind,",
    ),
    "onereel benchmark prompts scene:world?seed=3 --out edits.csv": (
        "tests/unit/test_prompts.py",
        'app(["benchmark", "prompts", "scene:world?seed=3"',
    ),
    "snakemake studies": ("tests/workflow/test_studies.py", '"--", "studies"'),
    "snakemake simulated_studies": ("tests/workflow/test_studies.py", '"--", "simulated_studies"'),
    "onereel study power demo_pairs": ("tests/unit/test_study_sheet.py", 'said("power", "tiny")'),
    "onereel study build demo_pairs": ("tests/unit/test_study_sheet.py", 'said("build", "tiny")'),
    "onereel study preview demo_pairs": ("tests/unit/test_study_sheet.py", 'said("preview", "tiny", "--print")'),
    "onereel study collect downloads/ --study demo_pairs --out answers.csv": (
        "tests/unit/test_study_sheet.py",
        'said("collect", "s.csv"',
    ),
    "onereel study report answers.csv --study demo_pairs --out study_results/": (
        "tests/unit/test_study_sheet.py",
        'said("report", "answers.csv"',
    ),
    "onereel study simulate demo_pairs --worth vgpnn=0.8 --worth sinfusion=-0.5 --out simulated.csv": (
        "tests/unit/test_study_sheet.py",
        'said("simulate", "tiny"',
    ),
    "snakemake stand_ins": ("tests/workflow/test_engine.py", 'planned("--", "stand_ins")'),
    "dvc remote add --default storage s3://…": ("tests/workflow/test_dvc.py", '"dvc", "remote", "add"'),
    "dvc repro": ("tests/workflow/test_dvc.py", '"dvc", "repro"'),
    "dvc push": ("tests/workflow/test_dvc.py", '"dvc", "push"'),
    "dvc commit --force": ("tests/workflow/test_dvc.py", '"dvc", "commit", "--force"'),
    "dvc metrics show": ("tests/workflow/test_dvc.py", '"dvc", "metrics", "show"'),
    "dvc metrics diff": ("tests/workflow/test_dvc.py", '"dvc", "metrics", "diff"'),
    "dvc plots show": ("tests/workflow/test_dvc.py", '"dvc", "plots", "show"'),
    "dvc add data/sources/NAME.mp4": ("tests/gate/test_commands.py", '"dvc", "add"'),
    "onereel init holiday.mov --start 1.5s --end 4s": ("tests/unit/test_init.py", "start_project("),
    "onereel weights adopt NAME results/stand_ins/NAME": ("tests/unit/test_standins.py", 'adopt("clip-world"'),
    "onereel generate clip.mkv --method gaussian --out samples/": ("tests/gate/test_commands.py", '"gaussian"'),
}
"""Where a command is run, and what stands there."""
_UNTRAINED = "its stand-in is not shipped; tests/unit/test_gen1.py runs the method on tiny networks"
_TUNES = "tunes for minutes; tests/unit/test_dreamix.py runs the method on tiny networks"
_GEN1 = "onereel generate clip.mkv --method gen1 --task"
NOT_RUN = {
    f"{_GEN1} edit_structure --prompt a pencil sketch of a boat --out edited/": _UNTRAINED,
    f"{_GEN1} edit_structure --input content=photo.png --out edited/": _UNTRAINED,
    f"{_GEN1} edit_masked --input keep=mask.png --prompt a boat at night --out edited/": _UNTRAINED,
    f"{_GEN1} customise --input images=dog/ --prompt a dog in the snow --out edited/": _UNTRAINED,
    "onereel edit clip.mkv two red balloons over a city at night --method dreamix --preset fast --models models/"
    " --out night/": _TUNES,
    "source .venv/bin/activate": "every test runs in the environment",
    "make format": "rewrites the tree; `make lint` runs the same programs",
    "make clean": "removes results and caches; nothing that a test could do without harm",
    "snakemake --unlock": "Snakemake's own, for a folder whose Snakemake was killed",
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
        ),
        _TUNES,
    ),
    "onereel generate clip.mkv --method gen1 --preset public --task edit_structure --prompt a boat in the snow "
    "--out edited/": "needs fetched networks; tests/unit/test_gen1_public.py runs the method on tiny ones",
    "onereel weights fetch sd-image-variations animatediff-v1-5-3 controlnet-depth stable-diffusion-1.5 karlo-prior": (
        "downloads gigabytes"
    ),
    "onereel weights fetch pickscore-v1 dino-vit-b-8 lpips clip-vit-b-32 raft-large": "downloads gigabytes",
    "onereel weights fetch qwen2.5-vl-7b": "downloads gigabytes",
    "onereel benchmark prompts clip.mkv --captioner blip/ --writer llama/ --out edits.csv": "needs fetched networks",
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
    # The whole opening line is the language: a block of "{directive} argument" is none of those asked for.
    for language, body in re.findall(
        r"^```([^\n]*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
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
