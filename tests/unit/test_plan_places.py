"""What the workflow would delete: refused while nothing has happened, since Snakemake deletes outputs before a job."""

import os
from pathlib import Path

import pytest

from onereel.base.errors import ConfigError, WeightsError
from onereel.base.outputs import Result, list_folder, write_result
from onereel.ingest import discover, write_frames
from onereel.project import plan
from onereel.video.clip import Clip

from .ingest_media import encode, ramp

ROOT = Path(__file__).resolve().parents[2]
SCENE = "scene:birds?frames=3&height=24&width=32"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    (tmp_path / "config").symlink_to(ROOT / "config")
    for folder in ("data/clips", "results/samples"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(source: str, run: str = "") -> plan.Plan:
    Path("clips.tsv").write_text(f"name\tsource\nbirds\t{source}\nother\t{SCENE}\n")
    row = run or "self\tbirds\tvgpnn"
    Path("runs.tsv").write_text(f"run\tclip\tmethod\ttask\tsource\tinputs\n{row}\n")
    found = plan.read(Path(), clips="clips.tsv", runs="runs.tsv", tables=[], metrics=[])
    plan.check_places(found)
    return found


@pytest.mark.parametrize("name", ["birds.mp4", "birds.mkv"])
@pytest.mark.parametrize("way", ["{}", "{here}/{}", "data/../{}", "linked/{}"])
def test_a_source_where_its_own_clip_will_lie(project, name, way):
    encode(project / "data/clips" / name, ramp())
    (project / "linked").symlink_to(project)
    path = way.format(f"data/clips/{name}", here=project)
    with pytest.raises(ConfigError, match=rf"clip 'birds'.*{name}.*would be deleted; move it"):
        check(path)


def test_links_to_and_from_that_place(project):
    encode(project / "data/clips/birds.mp4", ramp())
    (project / "take.mp4").symlink_to("data/clips/birds.mp4")
    with pytest.raises(ConfigError, match="would be deleted"):
        check("take.mp4")
    (project / "data/clips/birds.mp4").rename(project / "kept.mp4")
    (project / "data/clips/birds.mp4").symlink_to(project / "kept.mp4")
    with pytest.raises(ConfigError, match=r"data/clips/birds\.mp4'.*onereel did not write it"):
        check("kept.mp4")


def test_a_stranger_at_the_place_of_a_clip_or_a_sample(project):
    notes = project / "data/clips/birds.json"
    notes.write_text('{"mine": true}')
    with pytest.raises(ConfigError, match=r"birds\.json'.*onereel did not write it; move it away"):
        check(SCENE)
    notes.rename(project / "results/samples/notes.json")
    check(SCENE)
    (project / "results/samples/self").mkdir()
    encode(project / "results/samples/self/0.mp4", ramp())
    with pytest.raises(ConfigError, match=r"run 'self': 'results/samples/self/0\.mp4'"):
        check(SCENE)


def test_samples_of_others_where_the_samples_of_their_run_will_lie(project):
    folder = project / "results/samples/theirs"
    folder.mkdir()
    encode(folder / "0.mp4", ramp())
    with pytest.raises(ConfigError, match=r"run 'theirs'.*0\.mp4"):
        check(SCENE, "theirs\tbirds\texternal:x\t\tresults/samples/theirs")
    folder.rename(project / "elsewhere")
    check(SCENE, "theirs\tbirds\texternal:x\t\telsewhere")


def test_files_in_folders_that_are_written_anew(project):
    (project / "results/report").mkdir(parents=True)
    boxes = project / "results/report/boxes.tsv"
    boxes.write_text("frame\ttop\tleft\tbottom\tright\n*\t1\t1\t5\t5\n")
    with pytest.raises(ConfigError, match=r"boxes\.tsv'.*folder that the workflow empties"):
        check(SCENE, "hole\tbirds\tvgpnn\tinpaint\t\tboxes=results/report/boxes.tsv")


def test_what_people_left_in_the_report(project):
    report = project / "results/report"
    report.mkdir()
    (report / "index.html").touch()
    list_folder(report)
    check(SCENE)
    (report / "to_send.zip").touch()
    with pytest.raises(ConfigError, match=r"to_send\.zip'.*written anew; move it away"):
        check(SCENE)


def test_what_the_workflow_wrote_is_no_stranger_and_may_be_a_source_of_another(project):
    encode(project / "take.mp4", ramp())
    write_frames("clip", project / "data/clips", "birds", Clip(ramp(3)), {"name": "birds"})
    write_frames("clip", project / "data/clips", "other", Clip(ramp(3)), {"name": "other"})
    write_result(Result("metrics", project / "results/metrics", "self", ()), {"records": []}, {})
    check("take.mp4")
    check("data/clips/other.mkv")
    os.link(project / "data/clips/birds.mkv", project / "cached.mkv")  # as DVC's cache; deleting one leaves the other
    check("cached.mkv")
    with pytest.raises(ConfigError, match="would be deleted"):
        check("data/clips/birds.mkv")


def test_a_clip_whose_source_is_gone_is_kept(project):
    assert check("gone.mp4").kept == ()  # nothing was made of it yet: its job says that it is gone
    write_frames("clip", project / "data/clips", "birds", Clip(ramp(3)), {"name": "birds"})
    assert check("gone.mp4").kept == ("birds",)
    (project / "link.mp4").symlink_to("unmounted/gone.mp4")
    (project / "unmounted").mkdir()
    assert check("link.mp4").kept == check("unmounted").kept == ("birds",)
    assert check("http://host/gone.mp4").kept == ()
    assert check(SCENE).kept == ()
    (project / "gone.mp4").symlink_to("on_another_disk.mp4")
    assert check("gone.mp4").kept == ("birds",)
    encode(project / "on_another_disk.mp4", ramp())
    assert check("gone.mp4").kept == ()


def test_jobs_that_would_replace_what_somebody_changed(project):
    found = check(SCENE)
    write_frames("clip", project / "data/clips", "birds", Clip(ramp(3)), {"name": "birds"})
    outputs = [f"data/clips/birds{suffix}" for suffix in (".mkv", ".mp4", ".json")]
    for due in ([("ingest", outputs)], [("hold_out", outputs)]):
        plan.check_due(found, due, weights="auto", metrics=["psnr"])
    clip = project / "data/clips/birds.mkv"
    clip.write_bytes(clip.read_bytes() + b"edited")
    plan.check_due(found, [("visualise_clip", ["results/visuals/clips/birds"])], weights="auto", metrics=["psnr"])
    with pytest.raises(ConfigError, match=r"birds\.mkv': was changed since onereel wrote it; keep it elsewhere"):
        plan.check_due(found, [("ingest", outputs)], weights="auto", metrics=["psnr"])


def test_jobs_that_need_weights_which_are_not_here(project):
    found = check(SCENE, "an\tbirds\tvgpnn\tanalogy\t\tstyle=clip:other")
    for rule, metrics in (("evaluate", ["sgfid"]), ("sample", ["psnr"]), ("embed_clip", ["psnr"])):
        plan.check_due(found, [(rule, ["x.mkv"])], weights="stand-in", metrics=metrics)
        with pytest.raises(WeightsError, match="run: onereel weights fetch"):
            plan.check_due(found, [(rule, ["x.mkv"])], weights="real", metrics=metrics)
    plan.check_due(found, [("evaluate", ["x.json"]), ("ingest", ["x.mkv"])], weights="real", metrics=["psnr"])


def test_a_run_s_folder_knows_its_own_samples(project):
    found = check(SCENE, "self\tbirds\tvgpnn")
    found.record_samples()
    assert not (project / "results/samples/self").exists()
    for seed in ("0", "1"):  # the second is of a time when the row asked for more
        write_frames("sample", project / "results/samples/self", seed, Clip(ramp(3)), {"seed": seed})
    found.record_samples()
    assert list(discover(project / "results/samples/self")) == ["0"]


def test_jobs_depend_on_the_weights_of_their_networks_alone(tmp_path):
    (tmp_path / "config").symlink_to(ROOT / "config")
    for name in ("raft-large", "clip-vit-b-32"):
        (tmp_path / "data/weights" / name).mkdir(parents=True)
        (tmp_path / "data/weights" / name / "weights.json").touch()

    def found(*arguments):
        return [Path(path).parent.name for path in plan.present_weights(tmp_path, *arguments)]

    assert found("auto") == ["clip-vit-b-32", "raft-large"]
    assert found("real", ["flow"]) == ["raft-large"]
    assert found("auto", ["depth"]) == []
    assert found("auto", ["clip-vit-b-32", "raft-small"]) == ["clip-vit-b-32"]  # by name
    assert found("stand-in") == []


def test_jobs_depend_on_weights_that_play_a_further_role(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/weights.yaml").write_text("one:\n  role: image\n  roles: [depth, sky]\nother:\n  role: flow\n")
    for name in ("one", "other"):
        (tmp_path / "data/weights" / name).mkdir(parents=True)
        (tmp_path / "data/weights" / name / "weights.json").touch()
    for role, names in {"image": ["one"], "sky": ["one"], "flow": ["other"], "clip": []}.items():
        assert [Path(path).parent.name for path in plan.present_weights(tmp_path, "auto", [role])] == names


def test_backbones_are_weights_that_jobs_depend_on(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/weights.yaml").write_text("one:\n  role: image\n")
    assert plan.weights_lists(tmp_path) == [str(tmp_path / "config/weights.yaml")]
    (tmp_path / "config/backbones.yaml").write_text(
        "video: {role: text-to-video}\nsmall: {kind: stand-in, files: {base: {file: a/small-base.safetensors}}}\n"
    )
    assert [Path(path).name for path in plan.weights_lists(tmp_path)] == ["weights.yaml", "backbones.yaml"]
    for name in ("one", "video"):
        (tmp_path / "data/weights" / name).mkdir(parents=True)
        (tmp_path / "data/weights" / name / "weights.json").touch()
    found = plan.present_weights(tmp_path, "auto", ["text-to-video"])
    assert [Path(path).parent.name for path in found] == ["video"]
    assert plan.stand_ins(tmp_path) == ["small-base"]


def test_every_part_of_a_stand_in_is_trained_alone(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/weights.yaml").write_text(
        "one: {kind: stand-in, file: a}\n"
        "many: {kind: stand-in, files: {base: {file: a/many-base.safetensors}, up: {file: a/many-large.safetensors}}}\n"
        "old: {kind: stand-in, seed: 0}\npublished: {kind: real, files: {model: {}}}\n"
    )
    assert plan.stand_ins(tmp_path) == ["one", "many-base", "many-large"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("zzz", r"clips.tsv: clip 'birds': there is no file or folder 'zzz'; correct the path"),
        ("film.mp5", r"no file or folder 'film.mp5'; did you mean 'film.mp4'\?"),
        ("film.mp4  1.5", r"no file or folder 'film.mp4 1.5'; put a tab, and no spaces, behind the source"),
        ("empty", r"its source 'empty' is there, but holds nothing that can be read"),
        ("scene:bird", r"no such scene; did you mean 'birds'\?"),
    ],
)
def test_a_source_that_is_not_there_is_refused_before_anything_runs(project, source, message):
    encode(project / "film.mp4", ramp())
    (project / "empty").mkdir()
    with pytest.raises(ConfigError, match=message):
        check(source).check_sources()


def test_sources_that_are_there_elsewhere_or_made_here_are_not(project):
    encode(project / "film.mp4", ramp())
    for source in ("film.mp4", f"{project}/film.mp4", "http://host/film.mp4", SCENE, "data/clips/other.mkv"):
        check(source).check_sources()
    clip, manifest = Clip(ramp()), {}
    write_frames("clip", project / "data/clips", "birds", clip, manifest)
    check("gone.mp4").check_sources()  # its clip is kept
