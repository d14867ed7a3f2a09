"""Runs without a clip, with prompts and folders, through the whole workflow: trained, sampled, measured, shown."""

import numpy as np
from PIL import Image

from onereel.base.files import read_json
from onereel.video.clip import read
from tests.postcard import POSTCARD
from tests.workspace import SMALL_CONFIG, copy_repository

CLIPS = "name\tsource\nballoons\tscene:balloons?seed=1&frames=4&height=32&width=40\n"
HEADER = "run\tclip\tmethod\ttask\tseed\tsettings\tprompt\tinputs\n"
RUNS = (
    f"{HEADER}"
    "words\t\tpostcard\tedit_text\t40\t\ta red kite over land\tpicture=dog/0.png\n"
    "other\t\tpostcard\tedit_text\t80\t\ta blue kite over land\t\n"
    "dog\t\tpostcard\tsubject\t120\t\ta dog on the moon\timages=dog\n"
    "still\tballoons\tpostcard\tanimate_image\t160\t\t\tpicture=dog/1.png\n"
)


def test_runs_without_a_clip_go_the_whole_way(tmp_path):
    workspace = copy_repository(tmp_path / "copy")
    workspace.write("src/onereel/methods/postcard/__init__.py", POSTCARD)
    workspace.write("config/methods/postcard.yaml", "presets: {demo: {}}\n")
    workspace.write("config/clips.tsv", CLIPS)
    workspace.write("config/runs.tsv", RUNS)
    workspace.write("config/config.yaml", SMALL_CONFIG.replace("[sgfid,", "[frame_consistency,"))
    for number in range(2):
        (workspace.root / "dog").mkdir(exist_ok=True)
        Image.fromarray(np.full((24, 32, 3), 90 * number + 40, np.uint8)).save(workspace.root / f"dog/{number}.png")
    workspace = workspace.own_code()

    assert workspace.planned()["train"] == 5, "one prior for all four; two prompts, a subject and its head"
    workspace.snakemake("--quiet", "rules")
    results = workspace.root / "results"
    for run, seed in (("words", 40), ("other", 80), ("dog", 120), ("still", 160)):
        assert (read(results / f"samples/{run}/{seed}.mkv").frames == seed).all()
    measured = {run: read_json(results / f"metrics/{run}.json") for run in ("words", "still")}
    # Of an edit, those of edits, too; none that compares with a clip.
    assert set(measured["words"]["summary"]) == {"frame_consistency", "prompt_consistency", "warp_error"}
    assert "there is none" in measured["words"]["left_out"]["psnr"]
    assert read_json(results / "samples/words/40.json")["prompt"] == "a red kite over land"
    page = (results / "report/index.html").read_text(encoding="utf-8")
    assert "a red kite over land" in page
    assert "a dog on the moon" in page
    assert workspace.planned() == {}, "a second run has nothing to do"

    # Of a model that several runs share, and of new rows: what is trained stays.
    workspace.write("config/runs.tsv", f"{RUNS}more\t\tpostcard\tsubject\t9\t\ta dog in the sea\timages=dog\n")
    planned = workspace.planned()
    assert "train" not in planned
    assert planned["sample"] == 1

    # A picture that another took the place of is read again; what reads none stays.
    workspace.write("config/runs.tsv", RUNS)
    Image.fromarray(np.full((24, 32, 3), 7, np.uint8)).save(workspace.root / "dog/0.png")
    planned = workspace.planned()
    assert planned["preprocess_input"] == 1
    assert planned["train"] == 2, "the subject of the folder, and its head"

    # What no training mends is said before any.
    bad = RUNS.replace("40\t\ta red", "40\tstrength=3; steps=7\ta red")
    workspace.write("config/runs.tsv", bad)
    told = workspace.snakemake("--keep-going", "--quiet", "rules", check=False)
    assert "run 'words', postcard: strength is 3.0; use at most 1" in " ".join(told.split())
    failures = sorted(path.name for path in (results / "failures").iterdir())
    assert all("train" in name for name in failures), failures
