"""The notebooks of the documentation run as they stand, and the values that pages show of them are still those."""

import sys

import nbformat
import pytest
from nbclient import NotebookClient

from tests.documents import ROOT

DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

from onereel_site.saved import read_values, values  # noqa: E402

pytestmark = [pytest.mark.gate, pytest.mark.timeout(1800)]
DRAWN = "new, by VGPNN"
"""A sample's values may differ from machine to machine, as its bytes do."""


@pytest.mark.parametrize("name", ["tutorial", "results-notebook"])
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # trained models go there
    notebook = nbformat.read(DOCS / f"{name}.ipynb", as_version=4)
    saved = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(DOCS)}}).execute()
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == saved
    for cell in notebook.cells:
        if "damages" in cell.metadata.get("tags", ()):
            check_values(read_values(cell))


def check_values(found):
    known = values()
    assert found.keys() == known.keys()
    for case, row in known.items():
        for metric, text in row.items():
            new, old = float(found[case][metric]), float(text)
            if case != DRAWN:
                assert new == pytest.approx(old, rel=0.05, abs=1e-5, nan_ok=True), f"{case}, {metric}"
