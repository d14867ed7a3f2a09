"""docs/add-a-method.md, followed to the letter in a copy of the repository."""

import re

from safetensors.torch import load_file

from onereel.base.files import read_json
from onereel.video.clip import read
from tests.workspace import ROOT, SMALL_CONFIG, copy_repository

CLIPS = "name\tsource\nballoons\tscene:balloons?seed=1&frames=4&height=32&width=40\n"


def blocks(language: str) -> list[str]:
    text = (ROOT / "docs/add-a-method.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_page_adds_a_method_that_is_trained_sampled_and_measured(tmp_path):
    workspace = copy_repository(tmp_path / "copy")
    (package,), (presets,), (row,) = blocks("python"), blocks("yaml"), blocks("tsv")
    workspace.write("src/onereel/methods/gaussian/__init__.py", package)
    workspace.write("config/methods/gaussian.yaml", presets)
    workspace.write("config/runs.tsv", row)
    workspace.write("config/clips.tsv", CLIPS)
    workspace.write("config/config.yaml", SMALL_CONFIG)
    workspace.own_code().snakemake("--quiet", "rules")

    results = workspace.root / "results"
    state = load_file(results / "models/balloons/gaussian/demo/pixels.safetensors")
    assert set(state) == {"mean", "std"}
    samples = [read(results / f"samples/balloons-gaussian/{seed}.mkv").frames for seed in (0, 1)]
    assert samples[0].shape == samples[1].shape == (4, 32, 40, 3)
    assert (samples[0] != samples[1]).any()
    assert read_json(results / "metrics/balloons-gaussian.json")["summary"]["psnr"]["n"] == 2
    assert "Gaussian pixels" in (results / "report/index.html").read_text(encoding="utf-8")
