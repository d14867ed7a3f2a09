"""What the results' notebook saved when it was last run: values, films and figures."""

import base64
import csv
import html
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parents[2] / "results-notebook.ipynb"
FOLDER = "_static/saved"
"""Where the site has the notebook's films and figures."""
_DAMAGES, _FIGURE = "damages", "figure-"


@cache
def _cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return found


def values() -> dict[str, dict[str, str]]:
    """What every metric says of a clip that was damaged in known ways: text by case and metric; "": not defined."""
    (cell,) = [cell for cell in _cells() if _DAMAGES in cell["metadata"].get("tags", ())]
    return read_values(cell)


def read_values(cell: dict[str, Any]) -> dict[str, dict[str, str]]:
    """The values that a cell printed."""
    text = "".join("".join(out["text"]) for out in cell["outputs"] if out.get("name") == "stdout")
    return {row.pop("case"): row for row in csv.DictReader(text.splitlines())}


def films() -> dict[str, bytes]:
    """MP4s by case, out of the player that shows them all."""
    known = set(values())
    for cell in _cells():
        for out in cell.get("outputs", ()):
            page = "".join(out.get("data", {}).get("text/html", ""))
            found = re.findall(r'base64,([^"]+)".*?<figcaption[^>]*>([^<]*)', page, re.DOTALL)
            made = {html.unescape(title): base64.b64decode(data) for data, title in found}
            if known <= set(made):
                return made
    raise ValueError(f"{NOTEBOOK}: no cell shows the cases: run it again")


def figures() -> dict[str, bytes]:
    """PNGs by the tag of the cell that drew them."""
    found = {}
    for cell in _cells():
        for tag in cell["metadata"].get("tags", ()):
            if tag.startswith(_FIGURE):
                (data,) = [out["data"]["image/png"] for out in cell["outputs"] if "image/png" in out.get("data", {})]
                found[tag] = base64.b64decode("".join(data))
    return found


def film_of(case: str) -> str:
    """The name of a case's film."""
    return re.sub(r"\W+", "-", case).strip("-") + ".mp4"


def write_saved(app: Any, failure: Exception | None) -> None:
    """Put films and figures where pages look for them."""
    if failure is not None or app.builder.name != "html":
        return
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for case, data in films().items():
        (folder / film_of(case)).write_bytes(data)
    for tag, data in figures().items():
        (folder / f"{tag}.png").write_bytes(data)
