"""A study through the whole workflow and the command line: built of samples, answered, collected, reported."""

from onereel.base.files import read_json
from onereel.studies.key import read_key
from tests.workspace import SMALL_RUNS, copy_repository

STUDIES = "study\tform\tclips\tmethods\tallow\traters\ntiny\t2afc\t*\tvgpnn,itself\tnot_sure\t12\n"


def test_a_study_goes_the_whole_way(tmp_path):
    workspace = copy_repository(tmp_path / "copy")
    workspace.write("config/clips.tsv", "name\tsource\nballoons\tscene:balloons?seed=1&frames=6&height=40&width=56\n")
    workspace.write("config/runs.tsv", SMALL_RUNS)
    workspace.write("config/studies.tsv", STUDIES)
    workspace.write("config/config.yaml", "tables: []\nstudies: config/studies.tsv\nweights: stand-in\n")
    assert "build_study" not in workspace.planned(), "people answer studies: nothing else needs them"
    assert "40 raters" not in workspace.run("onereel", "study", "power", "tiny").stdout
    failed = workspace.run("onereel", "study", "build", "tiny", check=False)
    assert failed.returncode == 1
    assert "no clip of which two" in failed.stdout
    workspace.snakemake("--quiet", "rules", "--", "studies")
    page, key = workspace.root / "results/studies/pages/tiny", workspace.root / "results/studies/keys/tiny.json"
    found = read_key(key)
    assert {method for item in found.items for method in item.item.methods} >= {"vgpnn", "itself"}
    assert read_key(key.with_name(f"tiny.{found.id}.json")) == found
    assert workspace.planned("--", "studies") == {}, "a second run has nothing to do"
    # The command line builds the same from the same samples.
    before = (page / "assets/study_data.js").read_bytes()
    built = workspace.run("onereel", "study", "build", "tiny").stdout
    assert f"id {found.id}" in built
    assert "needs 210 independent votes" in built
    assert (page / "assets/study_data.js").read_bytes() == before
    assert "?preview=1" in workspace.run("onereel", "study", "preview", "tiny", "--print").stdout
    workspace.run("onereel", "study", "simulate", "tiny", "--raters", "12", "--worth", "itself=2", "--out", "s.csv")
    workspace.run("onereel", "study", "collect", "s.csv", "--study", "tiny", "--out", "answers.csv")
    told = workspace.run("onereel", "study", "report", "answers.csv", "--study", "tiny", "--out", "found").stdout
    assert "Simulated: 12 of 12 raters are played by a computer" in told
    assert "VGPNN over HP-VAE-GAN" in told
    results = read_json(workspace.root / "found/results.json")
    assert results["study"] == found.id
    assert results["everybody"]["raters"] == 12
    assert (workspace.root / "found/tiny-pairs.tex").is_file()
    # What somebody left in the folder is not deleted with it.
    (page / "answers-of-people.csv").write_text("precious")
    refused = workspace.run("onereel", "study", "build", "tiny", check=False)
    assert refused.returncode == 1
    assert "answers-of-people.csv" in refused.stdout
    assert "answers-of-people.csv" in workspace.run("snakemake", "--", "studies", check=False).stdout
    assert (page / "answers-of-people.csv").read_text() == "precious"
