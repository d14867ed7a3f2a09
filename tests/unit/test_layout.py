"""The paths that Python code builds are those of the rules."""

import re
from pathlib import Path

from onereel.project import layout

ROOT = Path(__file__).parents[2]


def test_the_snakefile_names_the_same_places():
    block = (ROOT / "Snakefile").read_text(encoding="utf-8").split("pathvars:")[1].split("\n\n")[0]
    named = dict(re.findall(r'(\w+)="([^"]+)"', block))
    assert len(named) > 8
    for name, path in named.items():
        assert getattr(layout, name.upper()) == Path(path.replace("<results>", "results")), name


def test_no_other_code_spells_them():
    spelled = re.compile(r"""["'](results|data/(clips|pyramids|depth|flow|embeddings))/""")
    files = [path for part in ("project", "report") for path in (ROOT / "src/onereel" / part).rglob("*.py")]
    assert len(files) > 10
    assert [path for path in files if spelled.search(path.read_text(encoding="utf-8"))] == []
