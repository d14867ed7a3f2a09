"""A study as the workflow builds it: of samples that jobs import, its key outside of the folder."""

from fractions import Fraction

import numpy as np

from onereel.studies.key import read_key
from onereel.video.clip import Clip, write
from tests.workspace import copy_repository

RUNS = (
    "run\tclip\tmethod\ttask\tsource\n"
    "ours\tballoons\texternal:red\tgenerate\tred\n"
    "theirs\tballoons\texternal:blue\tgenerate\tblue\n"
)
STUDIES = "study\tform\tclips\tmethods\tallow\traters\ntiny\t2afc\t*\tred,theirs\tnot_sure\t12\n"


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
    workspace.snakemake("--quiet", "rules", "--", "studies")
    page, key = workspace.root / "results/studies/pages/tiny", workspace.root / "results/studies/keys/tiny.json"
    found = read_key(key)
    assert {item.item.methods for item in found.items if not item.item.role} == {("red", "theirs")}
    assert read_key(key.with_name(f"tiny.{found.id}.json")) == found
    assert (page / "index.html").is_file()
    # A study that changes is built anew; what somebody left in its folder is not deleted for that.
    workspace.write("config/studies.tsv", STUDIES.replace("12", "13"))
    (page / "answers-of-people.csv").write_text("precious")
    told = workspace.snakemake("--quiet", "rules", "--", "studies", check=False)
    assert "answers-of-people.csv': would be deleted" in told
    assert (page / "answers-of-people.csv").read_text() == "precious"
