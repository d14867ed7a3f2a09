"""``onereel benchmark import`` and ``layout``: public benchmarks as sheets of edits, and the other way."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from onereel.base.errors import ConfigError
from onereel.base.files import check_target, write_text
from onereel.metrics.measures.layout_writers import write_layout
from onereel.metrics.measures.layouts import read_layout
from onereel.metrics.measures.sheet import read_sheet, sheet_text


def import_benchmark(kind: str, folder: Path, out: Path, *, overwrite: bool, say: Callable[[str], None]) -> None:
    """Write the sheet of a benchmark.

    Raises: ConfigError for a folder that is not laid out so, and for a sheet that is there.
    """
    if out.suffix != ".csv":
        raise ConfigError(f"'{out}'", "is no .csv file", f"name it {out.stem}.csv")
    check_target(out)
    edits = read_layout(kind, folder)
    if out.exists() and not overwrite:
        raise ConfigError(f"'{out}'", "is there already", "name another with --out, or say --overwrite")
    write_text(out, sheet_text(edits, out.parent))
    kinds = Counter(edit.kind for edit in edits if edit.kind)
    told = f" ({', '.join(f'{number} {name}' for name, number in kinds.items())})" if kinds else ""
    say(f"{out}: {len(edits)} edits of {len({edit.source for edit in edits})} videos{told}")
    if unsaid := sum(not edit.prompt for edit in edits):
        say(f"{unsaid} of them have no prompt: write what they should show into the column prompt")
    if unsaid := sum(not edit.source_prompt for edit in edits):
        say(f"{unsaid} of them have no source_prompt: measures that need one are left out")


def write_benchmark(kind: str, sheet: Path, folder: Path, *, say: Callable[[str], None]) -> None:
    """Write the edits of a sheet in a benchmark's layout.

    Raises: ConfigError as `read_sheet` and `write_layout`.
    """
    edits = read_sheet(sheet)
    left = write_layout(kind, edits, folder)
    say(f"{folder}: {len(edits) - len(left)} edits in the layout of {kind}")
    if left:
        say(f"{len(left)} have no place in it: {', '.join(left[:5])}{' ...' if len(left) > 5 else ''}")
