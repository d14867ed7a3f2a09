"""`onereel methods`: everything that can be asked for is said, and what it says can be asked for."""

import json

import pytest

from onereel.base.errors import ConfigError, MethodError
from onereel.base.parsing import parse_settings
from onereel.cli.methods import MAKES, describe, overview, page, show_methods
from onereel.methods import PRESETS, Task, better_preset, configure, load_method, method_names, read_method_file


@pytest.mark.parametrize("name", method_names())
def test_every_setting_and_preset_is_told_and_accepted(name):
    method = load_method(name)
    found = json.loads(json.dumps(describe(method)))
    assert [preset["name"] for preset in found["presets"]] == list(read_method_file(name)["presets"])
    preset = found["presets"][0]["name"]
    told = {setting["name"].split(".")[0] for setting in found["settings"]}
    unread = {name for name, tasks in method.Config.read_by.items() if not tasks & method.tasks}
    assert told == set(method.Config.model_fields) - unread
    for setting in found["settings"]:
        if setting["default"] is not None:  # a value that the page prints
            (line,) = [line for line in page(found) if line.startswith(f"  {setting['name']} = ")]
            given = parse_settings(line.split("  (")[0].strip())
            if given[setting["name"]] is not None:  # an empty text
                configure(method, preset, given)
    text = "\n".join(page(found))
    for preset in found["presets"]:
        assert configure(method, preset["name"]) == configure(method, preset["name"], preset["settings"])
        assert preset["about"].split()[0] in text


def test_a_task_leaves_out_what_it_does_not_read():
    everything, inpaint = (describe(load_method("vgpnn"), task) for task in (None, Task.INPAINT))
    names = {setting["name"] for setting in inpaint["settings"]}
    assert "cue" in names
    assert "retarget_alpha" not in names
    assert "retarget_alpha" in {setting["name"] for setting in everything["settings"]}
    (task,) = inpaint["tasks"]
    assert task["inputs"] == [{"one_of": ["boxes=FILE", "mask=clip:NAME or mask=FILE"], "needed": True}]


def test_what_training_reads_is_told_apart():
    settings = {setting["name"]: setting for setting in describe(load_method("sinfusion"))["settings"]}
    assert settings["network.channels"]["trained"]
    assert not settings["frames"]["trained"]
    assert settings["network.channels"]["allowed"] == ">= 8"
    assert settings["upsample_factor"]["allowed"] == "2 or 4 or 8"
    assert not any(setting["trained"] for setting in describe(load_method("vgpnn"))["settings"]), "nothing is"


def test_every_task_has_words_and_every_method_a_line():
    assert set(MAKES) == set(Task)
    lines = list(overview([describe(load_method(name)) for name in method_names()]))
    for name in method_names():
        assert any(line.startswith(f"{name} ") for line in lines)


def test_names_that_there_are_not():
    with pytest.raises(MethodError, match="did you mean 'vgpnn'"):
        show_methods("vgpn", None, as_json=False, say=print)
    with pytest.raises(ConfigError, match="did you mean 'inpaint'"):
        show_methods("vgpnn", "inpant", as_json=False, say=print)
    with pytest.raises(MethodError, match="does not do 'image'"):
        show_methods("vgpnn", "image", as_json=False, say=print)


def test_presets_say_what_to_expect_and_which_is_better(tmp_path):
    (tmp_path / "vgpnn.yaml").write_text("presets: {demo: , mine: , paper: }\nabout: {mine: as I like it}\n")
    assert read_method_file("vgpnn", tmp_path)["about"] == {
        "demo": PRESETS["demo"],
        "mine": "as I like it",
        "paper": PRESETS["paper"],
    }
    assert better_preset("vgpnn", "demo", tmp_path) == "paper"
    assert better_preset("vgpnn", "demo") == "fast"
    assert better_preset("vgpnn", "mine", tmp_path) == ""
    (tmp_path / "vgpnn.yaml").write_text("presets: {demo: }\nabout: {dmo: a slip}\n")
    with pytest.raises(ConfigError, match="did you mean 'demo'"):
        read_method_file("vgpnn", tmp_path)
