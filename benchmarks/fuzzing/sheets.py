"""What a person writes: sheets, configuration, methods' presets, descriptions of tables, settings, boxes."""

import json
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from fuzzing.media import frames
from fuzzing.target import Target
from onereel.base.parsing import clips_and_files, parse_pairs, parse_settings
from onereel.methods import Inputs, Task, check_inputs, configure, load_method, method_names, read_method_file
from onereel.methods.singan.copies import pasted
from onereel.methods.vgpnn.holes import read_hole
from onereel.project import plan
from onereel.project.config import read_config
from onereel.project.tables import read_spec
from onereel.video.boxes import read_boxes
from onereel.video.clip import Clip
from onereel.weights.store import Weights

_PROJECT = Path(__file__).resolve().parents[2]
_CLIPS = """name\tsource\tstart\tend\tfps\theight\tcaption\tlicence
balloons\tscene:balloons?seed=1&frames=12&height=64&width=112\t\t\t\t\thot-air balloons\tMIT
river\tdata/river.mp4\t0:01.5\t4s\t12\t144\t"the river", at dawn\tCC-BY-4.0
mask\tmasks\t\t\t\t\t\t
"""
_RUNS = """# One row a run
run\tclip\tmethod\ttask\tpreset\tsamples\tseed\tsettings\tprompt\tinputs\tsource\talign
vgpnn\t*\tvgpnn\tgenerate\tdemo\t2\t0\tsearch.sweeps=3; noise=voxel\t\t\t\t
holes\tballoons\tvgpnn\tinpaint\tdemo\t1\t3\t\t\tmask=clip:mask\t\t
wide\tballoons,river\tsingan_gif\tgenerate\tdemo\t1\t0\toutput_scale=[1, 1, 1.5]\t\t\t\t
next\triver\tsinfusion\textrapolate\tfast\t1\t0\tshift=-1;network={channels: 8, blocks: 2}\t\t\t\t
itself\tballoons\tcalibration\tgenerate\titself\t1\t0\t\ta wide river\t\t\t
theirs\triver\texternal:other\tgenerate\t\t1\t0\t\t\t\ttheirs/*.mp4\tcrop+resize
"""
_HELDOUT = """test\tkind\tclip\tmethod\tpreset\tsamples\tseed\tsettings\tkeep\thorizon\torigins\tfactor
future\tprediction\t*\tsinfusion\tdemo\t1\t0\tsampling_steps=5\t0.7\t3\t2\t
between\tinterpolation\triver\tsinfusion\tdemo\t2\t4\t\t\t\t\t
larger\tsuper_resolution\tballoons\tsingan_gif\tdemo\t1\t0\t\t\t\t\t2
"""
_CONFIG = """# What to compute.
clips: config/clips.tsv
runs: config/runs.tsv
heldout: config/heldout.tsv
tables:
  - config/tables/comparison.yaml
metrics: [svfid, sgfid, diversity]
edit_metrics: [warp_error] # of edits besides
weights: auto
previews: [balloons]
seed: 0
"""
_DEFAULTS = {"clips": "config/clips.tsv", "runs": "config/runs.tsv", "heldout": "config/heldout.tsv"}
_SETTINGS = {
    "vgpnn": "search.sweeps=3; noise=voxel; output_scale=[1, 1, 1.5]; alpha=0.01",
    "sinfusion": "network={channels: 8, blocks: 2}; shift=-1; curriculum=[0.2, 0.5]; frames=100",
    "singan_gif": "ladder.factor=1.5; steps=[8, 9]; adversarial.penalty=0.2; window=[4, 4]",
    "hp_vae_gan": "rates=[3, 2, 1]; channels=8; max_drift=2",
}
_BOXES = {
    "tabs.tsv": (
        "frame\ttop\tleft\tbottom\tright\tcolour\n"
        "0-2\t2\t3\t12\t20\t#2040a0\n*\t20\t30\t30\t40\t\n3\t0\t0\t36\t52\t#ffffff\n"
    ),
    "commas.csv": "frame,top,left,bottom,right\n0-2,2,3,12,20\n*,20,30,30,40\n",
    "copies.tsv": (
        "frame\ttop\tleft\tbottom\tright\tto_top\tto_left\n*\t2\t3\t12\t20\t10\t12\n1-2\t0\t0\t5\t5\t31\t47\n"
    ),
}


def _make_workspace(folder: Path) -> None:
    root = folder / "workspace"
    for name in ("methods", "tables"):
        shutil.copytree(_PROJECT / "config" / name, root / "config" / name)
    for name, text in (("clips.tsv", _CLIPS), ("runs.tsv", _RUNS), ("heldout.tsv", _HELDOUT), ("config.yaml", _CONFIG)):
        (root / "config" / name).write_text(text, encoding="utf-8")
    (root / "theirs").mkdir()
    (root / "theirs/a.mp4").touch()
    (root / "masks").mkdir()


def _read_plan(root: Path, config: dict[str, Any]) -> None:
    """All that the Snakefile asks of the sheets."""
    tables = config.get("tables", ["config/tables/comparison.yaml"])
    names = [*config.get("metrics", ["svfid"]), *config.get("edit_metrics", [])]
    what = plan.read(
        root, **{key: config.get(key, path) for key, path in _DEFAULTS.items()}, tables=tables, metrics=names
    )
    what.previewed(config.get("previews", []))
    for name in what.computed:
        what.models_of(name), what.requires(name), what.parts(name), what.made_of(what.inputs(name))
        for rule in ("fit", "sample", "heldout"):
            plan.resources(root, what.computed[name], rule)
    for name in what.runs:
        what.evaluation(name), what.metrics(name, names, [])
        for sample in what.samples(name):
            what.external_request(name, sample) if name in what.external else what.request(name, sample)
    for name in what.clips:
        what.clip_settings(name), what.made_here(what.source(name))
    json.dumps(
        [
            what.texts,
            len(what.models),
            len(what.checked),
            len(what.inputs_read),
            len(what.known_clips),
            [row.plain() for row in what.runs.values()],
        ]
    )


def _read_workspace(case: Path, rng: Random) -> None:
    _read_plan(case, {})


def _read_config(case: Path, rng: Random) -> None:
    _read_plan(case, read_config([case / "config/config.yaml"], {}))


def _read_methods(case: Path, rng: Random) -> None:
    folder = case / "config/methods"
    for path in sorted(folder.glob("*.yaml")):
        method = load_method(path.stem)
        for preset in read_method_file(path.stem, folder)["presets"]:
            configure(method, preset, folder=folder)
    _read_plan(case, {})


def _read_tables(case: Path, rng: Random) -> None:
    for path in sorted((case / "config/tables").glob("*.yaml")):
        read_spec(path)


def _make_settings(folder: Path) -> None:
    for name, text in _SETTINGS.items():
        (folder / name).mkdir()
        (folder / name / f"{name}.txt").write_text(text, encoding="utf-8")
    (folder / "inputs").mkdir()
    (folder / "inputs/inputs.txt").write_text("style=clip:other", encoding="utf-8")


def _read_settings(case: Path, rng: Random) -> None:
    (path,) = case.glob("*.txt")
    text = path.read_bytes().decode("utf-8", errors="surrogateescape")  # as a command line hands it over
    if path.stem in method_names():
        configure(load_method(path.stem), "demo", parse_settings(text, "--set"))
    else:
        clips, files = clips_and_files(parse_pairs(text, "--input"))
        check_inputs(load_method("vgpnn"), Task.ANALOGY, clips, files)


def _make_boxes(folder: Path) -> None:
    for name, text in _BOXES.items():
        (folder / name).mkdir()
        (folder / name / name).write_text(text, encoding="utf-8")


def _read_boxes(case: Path, rng: Random) -> None:
    (path,) = case.iterdir()
    clip = Clip(frames(), Fraction(10))
    if path.name == "copies.tsv":
        pasted(clip, path)
    elif rng.random() < 0.5:
        read_hole(Inputs(clip, files={"boxes": path}), None)
    else:
        read_boxes(path, clip.size, optional=("colour",))


def _make_weights(folder: Path) -> None:
    (folder / "store/config").mkdir(parents=True)
    shutil.copyfile(_PROJECT / "config/weights.yaml", folder / "store/config/weights.yaml")


def _read_weights(case: Path, rng: Random) -> None:
    store = Weights(case / "config/weights.yaml")
    store.list_weights()
    store.verify()
    for role in ("c3d", "inception", "depth", "flow", "clip"):
        store.resolve(role)


def _of_workspace(name: str, victims: str, read: Callable[[Path, Random], None] = _read_workspace) -> Target:
    return Target(name, _make_workspace, read, victims=f"config/{victims}", inert=True)


TARGETS = [
    _of_workspace("clip-sheet", "clips.tsv"),
    _of_workspace("run-sheet", "runs.tsv"),
    _of_workspace("heldout-sheet", "heldout.tsv"),
    _of_workspace("config", "config.yaml", _read_config),
    _of_workspace("presets", "methods/*.yaml", _read_methods),
    _of_workspace("tables", "tables/*.yaml", _read_tables),
    Target("settings", _make_settings, _read_settings, inert=True),
    Target("boxes", _make_boxes, _read_boxes),
    Target("weights-sheet", _make_weights, _read_weights, inert=True),
]
