"""The registry, presets and single settings, and the calibration rows."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from onereel.base.errors import ConfigError, MethodError
from onereel.base.parsing import parse_settings
from onereel.methods import (
    BaseMethod,
    Inputs,
    Job,
    Method,
    Task,
    check_inputs,
    configure,
    field_of,
    load_method,
    method_names,
    read_method_file,
    setting_names,
)
from onereel.project import plan
from onereel.project.runs import RunRow
from onereel.video.clip import Clip

RESOURCE_NAMES = {"threads", "mem_mb", "runtime", "gpu"}


@pytest.mark.parametrize("name", method_names())
def test_every_method_keeps_the_interface(name):
    method = load_method(name)
    assert isinstance(method, Method)
    assert method.name == name
    assert method.tasks
    content = read_method_file(name)
    for preset in content["presets"]:
        config = configure(method, preset)
        for task in method.tasks:
            parts = method.parts(task, config)
            assert all(need in parts for declared in parts.values() for need in declared.needs)
            assert isinstance(method.backbones(task, config), tuple)
            assert all(len(key) == 2 for key in method.requires(task, config))
    for asked in content["resources"].values():
        assert set(asked) <= RESOURCE_NAMES


@pytest.mark.parametrize("name", [name for name in method_names() if not load_method(name).calibration])
def test_every_setting_of_a_method_says_what_it_is(name):
    for key, field in load_method(name).Config.model_fields.items():
        assert field.description, f"{name}.{key} has no docstring"


def test_what_every_parse_of_the_workflow_imports_needs_no_torch():
    """It is parsed in every job: seconds each."""
    code = (
        "import sys; from onereel.base import codefiles; from onereel.project import plan\n"
        "from onereel.methods import load_method, method_names\n"
        "for method in map(load_method, method_names()):\n"
        "    for task in method.tasks: method.parts(task, method.Config())\n"
        "print({'torch', 'numba', 'onereel.metrics.registry'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_unknown_names_get_the_nearest_known_one():
    with pytest.raises(MethodError, match="did you mean 'vgpnn'"):
        load_method("vgpn")
    method = load_method("calibration")
    with pytest.raises(ConfigError, match="did you mean 'shuffled'"):
        configure(method, "shufled")
    with pytest.raises(ConfigError, match="did you mean 'noise_std'"):
        configure(method, "noisy", {"noise_sdt": 3})
    with pytest.raises(ConfigError, match=r"'noise_std' is 'much'; it should be a valid number"):
        configure(method, "noisy", {"noise_std": "much"})


@pytest.mark.parametrize(
    ("task", "key", "value"),
    [
        ("lengthen", "frames", 40),
        ("compose", "start_level", 1),
        ("slow_motion", "noise_in_common", 0.5),
        ("super_resolve", "output_scale", [1, 3, 3]),
        ("super_resolve", "ladder.factor", 1.5),
    ],
)
def test_settings_of_generate_are_refused_elsewhere(task, key, value):
    method = load_method("singan_gif")
    with pytest.raises(ConfigError, match=f"'{task}' does not read it; leave it out, or ask for"):
        configure(method, "demo", {key: value}, task=Task(task))
    configure(method, "demo", {key: value}, task=Task.GENERATE)
    configure(method, "demo", {"ladder.min_side": 12}, task=Task(task))


@pytest.mark.parametrize("name", ["singan_gif", "singan", "hp_vae_gan"])
def test_a_guard_reaches_the_training_and_makes_no_other_model(name):
    method = load_method(name)
    usual, lenient = configure(method, "fast"), configure(method, "fast", {"max_drift": 5})
    assert usual.trained_with() == lenient.trained_with()
    assert method.Config.model_validate(lenient.for_training()).max_drift == 5


def test_of_runs_that_share_a_model_one_that_sets_a_guard_trains_it():
    rows = {
        name: RunRow(name, "water", "singan_gif", settings=settings)
        for name, settings in (("a", {}), ("b", {"max_drift": 5}), ("c", {}))
    }
    made = plan.Plan(Path(__file__).parents[2], {}, rows, {})
    assert [run.run for run in made.models.values()] == ["b"]


@pytest.mark.parametrize(
    ("method", "task", "clips", "files", "message"),
    [
        ("singan_gif", "compose", (), (), "needs one of the inputs 'copies' and 'edited'; give copies=FILE or edited="),
        ("singan_gif", "compose", ("edited",), ("copies",), "got both; give copies=FILE or edited=clip:NAME or"),
        ("singan_gif", "compose", ("copies",), (), "input 'copies': is a clip; give copies=FILE"),
        ("singan_gif", "motion_transfer", (), ("pictrue",), "reads no such input; did you mean 'picture'?"),
        ("singan_gif", "generate", ("picture",), (), "input 'picture': the task reads no such input; leave it out"),
        ("vgpnn", "analogy", (), ("style",), "input 'style': is a file; give style=clip:NAME"),
        ("sinfusion", "image", ("sketch",), ("edited",), "takes one of the inputs 'edited' and 'sketch', got both"),
    ],
)
def test_inputs_that_a_task_does_not_read_or_misses_are_refused(method, task, clips, files, message):
    with pytest.raises(MethodError, match=re.escape(message)):
        check_inputs(load_method(method), Task(task), clips, files)


def test_inputs_that_a_task_reads_are_taken():
    check_inputs(load_method("singan_gif"), Task.COMPOSE, files=("copies",))
    check_inputs(load_method("singan_gif"), Task.COMPOSE, files=("edited",))
    check_inputs(load_method("sinfusion"), Task.IMAGE)
    check_inputs(load_method("calibration"), Task.GENERATE)


def test_settings_that_a_task_does_not_read_are_refused():
    method = load_method("singan_gif")
    with pytest.raises(ConfigError, match="'generate' does not read it; leave it out, or ask for super_resolve"):
        configure(method, "demo", {"super_factor": 3}, task=Task.GENERATE)
    assert configure(method, "demo", {"super_factor": 3}, task=Task.SUPER_RESOLVE).super_factor == 3
    with pytest.raises(ConfigError, match=r"setting 'pair_ladder\.min_side' of vgpnn: 'retarget' does not read it"):
        configure(load_method("vgpnn"), "demo", {"pair_ladder.min_side": 20}, task=Task.RETARGET)
    with pytest.raises(ConfigError, match=r"does not read it; leave it out$"):  # no task of singan does
        configure(load_method("singan"), "demo", {"compose_level": 2}, task=Task.GENERATE)


@pytest.mark.parametrize("name", method_names())
def test_the_tasks_that_read_a_setting_are_named_in_its_docstring(name):
    config = load_method(name).Config
    for field, readers in config.read_by.items():
        named = set(re.findall(r"`(\w+)`", config.model_fields[field].description)) & set(Task)
        assert readers <= named, field  # more are named where an input is called as a task is


def test_settings_reach_into_nested_models():
    method = load_method("vgpnn")
    config = configure(method, "demo", {"ladder.min_side": 21})
    assert config.ladder.min_side == 21
    assert configure(method, "demo").ladder.min_side != 21
    with pytest.raises(ConfigError, match=r"did you mean 'ladder\.min_side'"):
        configure(method, "demo", {"ladder.min_sides": 21})


def test_method_files_are_checked(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_method_file("none", tmp_path)
    (tmp_path / "a.yaml").write_text("demo: {}")
    with pytest.raises(ConfigError, match="no such key 'demo'"):
        read_method_file("a", tmp_path)
    (tmp_path / "b.yaml").write_text("presets: [")
    with pytest.raises(ConfigError, match="is no YAML"):
        read_method_file("b", tmp_path)
    (tmp_path / "c.yaml").write_text("presets: {demo: {}}\nresources: {sampel: {threads: 1}}")
    with pytest.raises(
        ConfigError, match=r"c\.yaml, resources: 'sampel' is neither a job nor a preset; did you mean 'sample'"
    ):
        read_method_file("c", tmp_path)


def test_further_inputs_that_can_be_seen_are_shown(tmp_path: Path):
    ramp = np.linspace(0, 255, 4 * 20 * 30 * 3).reshape(4, 20, 30, 3).astype(np.uint8)
    clip = Clip(ramp)
    Image.fromarray(ramp[2]).save(tmp_path / "picture.png")
    (tmp_path / "table.tsv").write_text("frame\ttop\n1\t2\n")
    files = {"picture": tmp_path / "picture.png", "table": tmp_path / "table.tsv"}
    inputs = Inputs(Clip(ramp[::-1].copy()), clips={"style": clip}, files=files)
    guides = BaseMethod().guides(Task.ANALOGY, inputs, None)
    assert list(guides) == ["style", "picture"]
    assert guides["style"] is clip
    assert np.array_equal(guides["picture"].frames, ramp[2:3])
    assert BaseMethod().guides(Task.GENERATE, Inputs(clip), None) == {}


def calibrated(preset: str, clip: Clip, seed: int = 0) -> np.ndarray:
    method = load_method("calibration")
    return method.sample(Task.GENERATE, Inputs(clip), configure(method, preset), seed, Job(torch.device("cpu")))


def test_calibration_rows_do_what_they_say():
    ramp = np.linspace(20, 230, 8 * 33 * 47 * 3).reshape(8, 33, 47, 3).astype(np.uint8)
    clip = Clip(ramp)
    assert np.array_equal(calibrated("itself", clip), ramp)
    shuffled = calibrated("shuffled", clip)
    assert not np.array_equal(shuffled, ramp)
    assert sorted(frame.tobytes() for frame in shuffled) == sorted(frame.tobytes() for frame in ramp)
    difference = calibrated("noisy", clip).astype(float) - ramp
    assert abs(difference.mean()) < 0.3
    assert difference.std() == pytest.approx(10, rel=0.05)
    decoded = calibrated("h264", clip)
    assert decoded.shape == ramp.shape
    assert 0 < np.abs(decoded.astype(float) - ramp).mean() < 4
    assert np.array_equal(calibrated("noisy", clip, seed=1), calibrated("noisy", clip, seed=1))
    assert not np.array_equal(calibrated("noisy", clip, seed=1), calibrated("noisy", clip, seed=2))


def test_resources_of_a_preset_come_before_those_of_a_job(tmp_path: Path):
    (tmp_path / "config/methods").mkdir(parents=True)
    (tmp_path / "config/methods/vgpnn.yaml").write_text(
        "presets: {demo: {}, fast: {}}\n"
        "resources: {sample: {threads: 4, mem_mb: 9000}, heldout: {threads: 8}, demo: {threads: 1}}"
    )
    run = RunRow("a", "b", "vgpnn")
    asked = {
        (preset, job): plan.resources(tmp_path, replace(run, preset=preset), job)
        for preset in ("fast", "demo")
        for job in ("sample", "heldout")
    }
    assert [asked[key]["threads"] for key in asked] == [4, 8, 1, 1]
    assert {each["mem_mb"] for each in asked.values()} == {9000}


@pytest.mark.parametrize("name", method_names())
@pytest.mark.parametrize("wrong", [1.5, "wide", {"a": 1}])
def test_a_wrong_setting_of_several_values_is_answered_with_a_right_one(name, wrong):
    """What the error tells people to write is accepted."""
    method, preset = load_method(name), next(iter(read_method_file(name)["presets"]))
    for key in setting_names(method.Config):
        if "tuple[" not in str(field_of(method.Config, key.split(".")).annotation):
            continue
        with pytest.raises(ConfigError) as error:
            configure(method, preset, {key: wrong})
        assert error.value.remedy.startswith(f"write {key}=[")
        configure(method, preset, parse_settings(error.value.remedy.removeprefix("write ")))


def test_one_number_for_three_is_answered_with_that_number():
    with pytest.raises(ConfigError, match=r"'output_scale' is 1.5; write output_scale=\[1, 1, 1.5\]"):
        configure(load_method("vgpnn"), "demo", {"output_scale": 1.5})
