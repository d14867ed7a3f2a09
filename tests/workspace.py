"""A copy of the repository in which a test may run the workflow, edit code and add methods."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SMALL_CLIPS = (
    "name\tsource\n"
    "balloons\tscene:balloons?seed=1&frames=6&height=40&width=56\n"
    "water\tscene:water?seed=1&frames=6&height=40&width=56\n"
)
SMALL_RUNS = (
    "run\tclip\tmethod\tpreset\tsamples\tseed\n"
    "vgpnn\tballoons\tvgpnn\tdemo\t2\t0\n"
    "itself\t*\tcalibration\titself\t1\t0\n"
)
SMALL_CONFIG = "metrics: [sgfid, coherence, psnr]\ntables: [config/tables/comparison.yaml]\nweights: stand-in\n"


@dataclass(frozen=True)
class Workspace:
    """The copy's root, and whether its own package runs instead of the installed one.

    The installed one is the rule: its compiled kernels are cached.
    """

    root: Path
    uses_own_code: bool = False

    def own_code(self) -> "Workspace":
        """The same copy, running the package in it."""
        # Kernels that are compiled already: numba takes them while their source has the same date and size.
        for kernel in (ROOT / "src").rglob("__pycache__/*.nb[ic]"):
            copy = self.root / kernel.relative_to(ROOT)
            if copy.parents[1].is_dir():
                copy.parent.mkdir(exist_ok=True)
                shutil.copy2(kernel, copy)
        return replace(self, uses_own_code=True)

    @property
    def environment(self) -> dict[str, str]:
        """PATH with this Python's programs first."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        package = {"PYTHONPATH": str(self.root / "src")} if self.uses_own_code else {}
        return {**os.environ, "PATH": path, "NO_COLOR": "1", **package}

    def run(self, *command: str, check: bool = True, timeout: float = 500) -> subprocess.CompletedProcess[str]:
        """Run a command in the root; stderr goes into stdout."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
        return done

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """Run Snakemake with the default profile; return what it printed."""
        return self.run("snakemake", *arguments, check=check).stdout

    def planned(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule a dry-run would run."""
        lines = self.snakemake("--dry-run", "--quiet", "rules", *arguments).splitlines()
        counts = {}
        for line in lines:
            words = line.split()
            if len(words) == 2 and words[1].isdigit() and words[0].isidentifier():
                counts[words[0]] = int(words[1])
        counts.pop("total", None)
        return counts

    def write(self, path: str, text: str) -> None:
        """Write a file of the copy."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text that stands in a file exactly once."""
        text = (self.root / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"'{old}' stands {text.count(old)} times in {path}"
        self.write(path, text.replace(old, new))


def copy_repository(target: Path) -> Workspace:
    """Copy what git tracks, and new files that it does not ignore, with links as links."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        source, copy = ROOT / name, target / name
        if source.exists() or source.is_symlink():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
    return Workspace(target)


def small_workspace(target: Path) -> Workspace:
    """A copy whose sheets ask for little."""
    workspace = copy_repository(target)
    workspace.write("config/clips.tsv", SMALL_CLIPS)
    workspace.write("config/runs.tsv", SMALL_RUNS)
    workspace.write("config/config.yaml", SMALL_CONFIG)
    return workspace
