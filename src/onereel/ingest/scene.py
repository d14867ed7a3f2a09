"""Procedural scenes as sources: ``scene:NAME?seed=3&frames=16``."""

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import ClassVar
from urllib.parse import parse_qsl, urlencode

import numpy as np

import onereel
from onereel.ingest.footage import Facts, Footage, Picture

_PREFIX = "scene:"


def is_scene(source: str) -> bool:
    """Whether `source` names a scene."""
    return source.startswith(_PREFIX)


def canonical(spec: str) -> str:
    """The same scene always spelt the same: parameters sorted by name."""
    name, _, query = spec.partition("?")
    parameters = sorted(parse_qsl(query, keep_blank_values=True))
    return f"{name}?{urlencode(parameters)}" if parameters else name


class SceneFootage(Footage):
    """A rendered scene, whose frames come at a constant rate."""

    versions: ClassVar = {"onereel": onereel.__version__}

    def __init__(self, spec: str) -> None:
        """Render it.

        Raises: what `onereel.scenes.render_spec` raises for a scene or parameter that there is not.
        """
        from onereel.scenes import render_spec  # renders with torch, which takes a while to load

        self._spec = canonical(spec)
        scene = render_spec(spec)
        self._frames = scene.frames
        self.size = scene.frames.shape[1:3]
        self.rate = Fraction(scene.fps)
        self.length = len(scene.frames) / self.rate
        self.facts = Facts("scene", "rendered", "rgb24")
        self.extra = {"caption": scene.caption}

    def close(self) -> None:
        """Nothing stays open."""

    def sha256(self) -> str:
        """Of the canonical spelling."""
        return hashlib.sha256(self._spec.encode()).hexdigest()

    def pictures(self, seek: Fraction | None = None) -> Iterator[Picture]:
        """All frames."""
        assert self.rate is not None
        for index, frame in enumerate(self._frames):
            yield Picture(index, index / self.rate, (index + 1) / self.rate, partial(_same, frame))


def _same(frame: np.ndarray) -> np.ndarray:
    return frame
