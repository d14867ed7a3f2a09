"""Procedural videos with exact depth, flow, occlusion, masks and captions.

`render("balloons", seed=3)` or, as sheets write it, ``scene:balloons?seed=3&frames=16``. A scene is a module with
``build(rng) -> World``; a world is a set of layers (see `base.Layer`) that knows nothing of image size or length.

`onereel.scenes.world` is apart: thousands of small clips for training, with attributes, captions and edit pairs.
"""

from onereel.scenes.base import Scene
from onereel.scenes.catalogue import render, render_spec, scene_names

__all__ = ["Scene", "render", "render_spec", "scene_names"]
