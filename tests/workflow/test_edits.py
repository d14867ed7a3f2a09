"""Known edits through the whole workflow: rendered, edited by one of ours and by somebody else's, judged, shown."""

import shutil

from onereel.base.files import read_json
from onereel.scenes.world import FIRST_UNSEEN, EditSet
from onereel.video.clip import Clip, read, write
from tests.workspace import copy_repository

RUNS = (
    "run\tclip\tmethod\ttask\tpreset\tsource\n"
    "itself\tedits:tiny\tcalibration\tgenerate\titself\t\n"
    "theirs\tedits:tiny\texternal:theirs\tedit_text\t\ttheirs\n"
)
CONFIG = "tables: []\nedits: config/edits.tsv\ncomparisons: [config/best.yaml, config/frames.yaml]\n"
EDITORS = "editors: {Ours: [itself], Theirs: [theirs]}\n"


def test_known_edits_go_the_whole_way(tmp_path):
    workspace = copy_repository(tmp_path / "copy")
    workspace.write("config/clips.tsv", "name\tsource\n")
    workspace.write("config/edits.tsv", "edits\tkinds\tnumber\ntiny\tcolour,time\t1\n")
    workspace.write("config/runs.tsv", RUNS)
    workspace.write("config/config.yaml", CONFIG)
    workspace.write("config/best.yaml", f"form: best_of\ntitle: Best\n{EDITORS}")
    workspace.write("config/frames.yaml", f"form: strip\ntitle: Frames\n{EDITORS}edits: [time-{FIRST_UNSEEN}]\n")
    colour, time = EditSet(kinds=("colour", "time"), number=1).edits()
    write(workspace.root / f"theirs/{colour.name}.mkv", Clip(colour.answer, colour.fps))

    planned = workspace.planned()
    assert planned["edit"] == planned["judge_edits"] == 2, "a job for each kind, and one for each editor"
    workspace.snakemake("--quiet", "rules")
    results = workspace.root / "results"
    clip = read(workspace.root / f"data/clips/edits.tiny.{colour.name}.mkv")
    assert (clip.frames == colour.source).all()
    assert (read(results / f"edits/outputs/itself/time/{time.name}.mkv").frames == time.source).all()
    itself, theirs = (
        read_json(results / f"edits/scores/{name}.json")["editors"][name] for name in ("itself", "theirs")
    )
    assert [one["success"] for one in itself["judgements"]] == [False, False]
    assert [one["success"] for one in theirs["judgements"]] == [True]
    assert [one["name"] for one in theirs["missing"]] == [time.name]

    page = results / "report/edits/tiny"
    text = (page / "index.html").read_text(encoding="utf-8")
    for film in (f"source/{colour.name}", f"truth/{time.name}", f"editors/theirs/{colour.name}"):
        assert f"films/{film}.mp4" in text
        assert (page / f"films/{film}.mp4").stat().st_size > 0
    assert f"editors/theirs/{time.name}" not in text
    assert colour.prompt in text
    assert 'href="edits/tiny/index.html"' in (results / "report/index.html").read_text(encoding="utf-8")
    assert workspace.planned() == workspace.planned("--", "edits") == {}, "a second run has nothing to do"
    planned = workspace.planned("--", "which_measure")
    assert planned["measure_edits"] == 2
    assert planned["measure_calibration"] == 2, "a job for each kind: one that is killed costs no other"
    assert planned["agree"] == 1

    workspace.snakemake("--quiet", "rules", "--", "comparisons")
    best = (results / "edits/comparisons/best/best.csv").read_text(encoding="utf-8").splitlines()
    header, objects, background = (dict(enumerate(line.split(","))) for line in best[:3])
    share = next(index for index, title in header.items() if title == "Theirs [%]")
    assert (objects[1], float(objects[share])) == ("Object", 100)
    assert (background[1], float(background[share])) == ("Background", 0)
    assert (results / "edits/comparisons/frames/frames.png").stat().st_size > 0

    # Another output: judged again, and nothing is drawn.
    shutil.copy(workspace.root / f"theirs/{colour.name}.mkv", workspace.root / f"theirs/{time.name}.mkv")
    planned = workspace.planned()
    assert "edit" not in planned
    assert planned["judge_edits"] == 1
