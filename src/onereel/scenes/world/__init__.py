"""Scene `world`: many small clips of a layered world, for training, with exact truth, captions and edit pairs.

`sample_world(seed)` draws a `WorldSpec`, `render(spec)` makes a `Scene` of it, `render_batch(seeds)` arrays for
training, `edit_pair(seed)` a clip before and after one attribute changed. Every place, phase and texture follows from
the seed and the element's own name, so what is not edited stays what it was to the last bit.
"""

from onereel.scenes.world.captions import EVERYTHING, MOTION, Caption, describe
from onereel.scenes.world.edits import EDITS, EditPair, edit_pair, edit_specs
from onereel.scenes.world.kinds import KINDS
from onereel.scenes.world.known import EditSet, KnownEdit, known_edit
from onereel.scenes.world.rendering import CLASSES, WorldBatch, render, render_batch, render_specs
from onereel.scenes.world.sampling import FIRST_UNSEEN, sample_world
from onereel.scenes.world.spec import Group, WorldSpec, complaints

__all__ = [
    "CLASSES",
    "EDITS",
    "EVERYTHING",
    "FIRST_UNSEEN",
    "KINDS",
    "MOTION",
    "Caption",
    "EditPair",
    "EditSet",
    "Group",
    "KnownEdit",
    "WorldBatch",
    "WorldSpec",
    "complaints",
    "describe",
    "edit_pair",
    "edit_specs",
    "known_edit",
    "render",
    "render_batch",
    "render_specs",
    "sample_world",
]
