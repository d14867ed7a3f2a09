"""A study as the workflow builds it: of samples that jobs import, its key outside of the folder."""

from fractions import Fraction

import numpy as np

from onereel.base.files import read_json
from onereel.studies.key import read_key
from onereel.video.clip import Clip, write
from tests.workspace import copy_repository

RUNS = (
    "run\tclip\tmethod\ttask\tsource\n"
    "ours\tballoons\texternal:red\tgenerate\tred\n"
    "theirs\tballoons\texternal:blue\tgenerate\tblue\n"
)
STUDIES = (
    "study\tform\tclips\tmethods\tallow\traters\tsimulated\n"
    "tiny\t2afc\t*\tred,theirs\tnot_sure\t12\tred=20\n"
    "unasked\treal_or_fake\t*\tred\t\t12\t\n"
)


def test_the_workflow_builds_a_study_of_samples(tmp_path):
    workspace = copy_repository(tmp_path / "copy")
    workspace.write("config/clips.tsv", "name\tsource\nballoons\tscene:balloons?seed=1&frames=6&height=40&width=56\n")
    workspace.write("config/runs.tsv", RUNS)
    workspace.write("config/studies.tsv", STUDIES)
    workspace.write("config/config.yaml", "tables: []\nstudies: config/studies.tsv\nweights: stand-in\n")
    for name, channel in (("red", 0), ("blue", 2)):
        for sample in range(2):
            frames = np.zeros((6, 40, 56, 3), np.uint8)
            frames[..., channel] = 100 + 50 * sample
            write(workspace.root / f"{name}/{sample}.mkv", Clip(frames, Fraction(12)))
    workspace.snakemake("--quiet", "rules", "--", "simulated_studies")
    page, key = workspace.root / "results/studies/pages/tiny", workspace.root / "results/studies/keys/tiny.json"
    found = read_key(key)
    assert {item.item.methods for item in found.items if not item.item.role} == {("red", "theirs")}
    assert read_key(key.with_name(f"tiny.{found.id}.json")) == found
    assert (page / "index.html").is_file()
    # Raters that a computer plays say so, and what they were made to think is what comes out.
    folder = workspace.root / "results/studies/simulated/tiny"
    assert not folder.with_name("unasked").exists(), "nobody is played where the sheet does not say what they think"
    results = read_json(folder / "results.json")
    assert results["notes"][0] == "Simulated: 12 of 12 raters are played by a computer."
    assert "red 20, theirs 0 (log odds against 0)" in results["notes"][1]
    (pairs, *_) = results["with_exclusions"]["sections"]
    assert pairs["lines"][0]["values"]["preferred"]["value"] == 100
    for name in ("results.html", "tiny-pairs.md", "tiny-pairs.tex"):
        assert "played by a computer" in (folder / name).read_text(encoding="utf-8")
    assert "simulated-0000" in (folder / "answers.csv").read_text()
    # A study that changes is built anew; what somebody left in its folder is not deleted for that.
    workspace.write("config/studies.tsv", STUDIES.replace("12", "13"))
    (page / "answers-of-people.csv").write_text("precious")
    told = workspace.snakemake("--quiet", "rules", "--", "studies", check=False)
    assert "answers-of-people.csv': would be deleted" in told
    assert (page / "answers-of-people.csv").read_text() == "precious"
