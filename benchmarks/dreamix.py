"""How long Dreamix's fine-tuning and an edit take, and the sheets of `config/dreamix`.

    python benchmarks/dreamix.py time                       # shipped weights, or random ones of their size
    python benchmarks/dreamix.py time --preset demo --threads 1
    python benchmarks/dreamix.py sheets                     # writes config/dreamix/clips.tsv and runs.tsv again

Seconds of one fine-tuning of all stages and of one edit after it, without loading: run it on an idle machine. CPU
seconds are those of all threads. `--share` does only a share of the steps, and tells what all of them would take.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch

from onereel.backbones.cascade.pipeline import Cascade
from onereel.backbones.cascade.stages import LATER, BaseStage, LaterStage
from onereel.base.errors import WeightsError
from onereel.methods import Inputs, Job, Method, Task, configure, load_method
from onereel.methods.dreamix.config import DreamixConfig
from onereel.scenes.world import FIRST_UNSEEN, KINDS, WorldSpec, describe, known_edit, sample_world
from onereel.scenes.world.kinds import HABITATS
from onereel.video.clip import Clip
from onereel.weights.entries import StandInEntry
from onereel.weights.store import Resolved, Weights

FOLDER = Path("config/dreamix")
CAMERAS = ("pan left", "pan right", "zoom in", "zoom out")
AMOUNTS = {"pan left": 0.2, "pan right": 0.2, "zoom in": 0.3, "zoom out": 0.3}  # as far as worlds' cameras move
PICTURES, SUBJECTS = 8, 32  # of each motion of the camera, and of all kinds
FIRST_SUBJECT = FIRST_UNSEEN + 5000
WAYS = {"left": "moving left", "right": "moving right", "up": "rising", "down": "sinking", "still": "staying still"}
PLACES = {"sky": "in the open sky", "land": "in the countryside", "water": "at sea", "city": "in the city"}
EDITORS = {
    "noft": ("dreamix", "finetune_steps=0; strength=0.7"),
    "video": ("dreamix", "finetune_steps=64; alpha=1"),
    "mixed": ("dreamix", ""),
    "t2v": ("text_to_video", ""),
    "pnp": ("plug_and_play", ""),
}
VARIED = {
    "s050": "strength=0.5",
    "s070": "strength=0.7",
    "s080": "strength=0.8",
    "s100": "strength=1.0",
    "steps0": "finetune_steps=0",
    "steps64": "finetune_steps=64",
    "steps400": "finetune_steps=400",
    "alpha000": "alpha=0",
    "alpha035": "alpha=0.35",
    "alpha100": "alpha=1",
}
ABOUT = {
    "clips.tsv": "# Worlds that nobody trained on: pictures to be set in motion, subjects to be named.",
    "runs.tsv": "# mixed-*: the preset as it is; noft-*, video-*: its ablations; s*, steps*, alpha*: one of it varied.",
}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("time", "sheets"))
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--share", type=float, default=1.0, help="of the steps of fine-tuning that are done")
    options = parser.parse_args()
    if options.what == "sheets":
        for name, text in sheets().items():
            (FOLDER / name).write_text(text, encoding="utf-8")
        return
    torch.set_num_threads(options.threads)
    timed(options.preset, options.share)


# ------------------------------------------------------------------------------------------------------------- time


def timed(preset: str, share: float) -> None:
    """Print what fine-tuning every stage, and an edit, take."""
    method = load_method("dreamix")
    config = configure(method, preset, {}, task=Task.EDIT_TEXT)
    assert isinstance(config, DreamixConfig)
    weights, name = weights_of(config.backbone)
    edit = known_edit(FIRST_UNSEEN, "direction", sources="shared")
    inputs = Inputs(clip=Clip(edit.source, edit.fps), prompt=edit.prompt)
    steps = max(1, round(config.finetune_steps * share))
    tuned = config.model_copy(update={"finetune_steps": steps})
    total = [0.0, 0.0]
    with tempfile.TemporaryDirectory() as folder:
        job = Job(torch.device("cpu"), backbones={config.backbone: weights})
        for part in method.parts(Task.EDIT_TEXT, tuned):
            first = config.model_copy(update={"finetune_steps": 1})  # kernels are chosen
            fitted(method, part, inputs, first, replace(job, workdir=Path(folder) / f"{part}-first"))
            spent = fitted(method, part, inputs, tuned, replace(job, workdir=Path(folder) / part))
            whole = [each * config.finetune_steps / steps for each in spent]
            total = [before + now for before, now in zip(total, whole, strict=True)]
            print(f"{part}: {config.finetune_steps} steps in {whole[0]:.0f} s ({whole[1]:.0f} s of CPU)", flush=True)
    start = time.perf_counter(), time.process_time()
    method.sample(Task.EDIT_TEXT, inputs, config.model_copy(update={"finetune_steps": 0}), 0, job)
    wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    print(f"an edit: {wall:.1f} s ({cpu:.1f} s of CPU)")
    told = "" if share == 1 else f", from {share:g} of the steps"
    print(
        f"{name}, {preset}, {torch.get_num_threads()} threads: together {total[0] + wall:.0f} s "
        f"({total[1] + cpu:.0f} s of CPU){told}"
    )


def fitted(method: Method, part: str, inputs: Inputs, config: DreamixConfig, job: Job) -> tuple[float, float]:
    """Wall and CPU seconds of fine-tuning a stage."""
    start = time.perf_counter(), time.process_time()
    method.fit(part, inputs, config, job)
    return time.perf_counter() - start[0], time.process_time() - start[1]


def weights_of(backbone: str) -> tuple[Resolved, str]:
    """The shipped model; where there is none, a random one of its size, which takes as long."""
    try:
        return Weights().resolve(backbone), backbone
    except WeightsError:
        later = {part: LaterStage(stage.network) for part, stage in LATER.items()}
        cascade = Cascade(BaseStage(), later)
        Cascade.load = classmethod(lambda cls, weights, **_: cascade)  # type: ignore[method-assign,assignment]
        entry = StandInEntry(
            kind="stand-in", role="text-to-video", title="random", seed=0, sha256="0" * 64, family="cascade"
        )
        return Resolved(
            backbone, entry.role, "random", "random", entry.sha256, True, {}, 0, entry=entry
        ), "random weights"


# ----------------------------------------------------------------------------------------------------------- sheets


def sheets() -> dict[str, str]:
    """The text of the sheets of clips and of runs."""
    clips, runs = ["name\tsource\tcaption"], ["run\tclip\tmethod\ttask\tpreset\tsettings\tprompt\tinputs"]
    for name, (method, settings) in EDITORS.items():
        runs += [f"{name}-{of}\tedits:{of}\t{method}\tedit_text\tfast\t{settings}\t\t" for of in "abcd"]
    runs += [f"{name}\tedits:a\tdreamix\tedit_text\tfast\t{settings}\t\t" for name, settings in VARIED.items()]
    for index, (world, prompt) in enumerate(pictures()):
        clips.append(f"picture-{index:02d}\t{scene(world, 2)}\t{prompt}")
        camera = f"camera={world.camera}; camera_amount={AMOUNTS[world.camera]:g}"
        for name, settings in (
            ("moved", camera),
            ("untuned", f"{camera}; frames_only_steps=0"),
            ("rebuilt", "camera=still; strength=0"),
        ):
            given = f"picture=clip:picture-{index:02d}"
            runs.append(f"{name}-{index:02d}\t\tdreamix\tanimate_image\tfast\t{settings}\t{prompt}\t{given}")
    for index, (world, prompt) in enumerate(subjects()):
        clips.append(f"subject-{index:02d}\t{scene(world, 16)}\t{describe(world).text}")
        for name, settings in (("named", ""), ("unnamed", "frames_only_steps=0")):
            given = f"video=clip:subject-{index:02d}"
            runs.append(f"{name}-{index:02d}\t\tdreamix\tsubject\tfast\t{settings}\t{prompt}\t{given}")
    rows = {"clips.tsv": clips, "runs.tsv": runs}
    return {name: "\n".join([ABOUT[name], *rows[name], ""]) for name in rows}


def scene(world: WorldSpec, frames: int) -> str:
    """The source of a clip."""
    return f"scene:world?seed={world.seed}&frames={frames}&height=64&width=64&fps=8"


def single(first: int) -> Iterator[WorldSpec]:
    """Worlds of one group whose colours can be seen, from a seed on."""
    seed = first
    while True:
        world = sample_world(seed)
        if len(world.groups) == 1 and world.style != "pencil":
            yield world
        seed += 1


def pictures() -> Iterator[tuple[WorldSpec, str]]:
    """First frames of worlds whose camera moves, with prompts that say how."""
    for camera in CAMERAS:
        found = (world for world in single(FIRST_UNSEEN) if world.camera == camera)
        for world in islice(found, PICTURES):
            yield world, describe(world, name=frozenset({"camera", "direction"})).text


def subjects() -> Iterator[tuple[WorldSpec, str]]:
    """Single things of all kinds, with prompts that put them elsewhere and name neither kind nor colour."""
    most = -(-SUBJECTS // sum(not kind.glows for kind in KINDS.values()))
    taken: dict[str, int] = {}
    for world in single(FIRST_SUBJECT):
        group = world.groups[0]
        kind = KINDS[group.kind]
        if group.count > 1 or kind.glows or taken.get(group.kind, 0) == most:
            continue
        taken[group.kind] = taken.get(group.kind, 0) + 1
        fits = [place for place, habitats in HABITATS.items() if kind.habitat in habitats]
        places = [place for place in fits if not kind.settings or place in kind.settings]
        place = next((one for one in places if one != world.setting), world.setting)
        way = next((one for one in kind.directions if one != group.direction), group.direction)
        yield world, f"A sks {WAYS[way]} {PLACES[place]}."
        if sum(taken.values()) == SUBJECTS:
            return


if __name__ == "__main__":
    main()
