"""Structure distance (Tumanyan et al. 2022; PnP, FiVE): how far the layout of an edit's frames is from the source's."""

from typing import Any, ClassVar

import numpy as np

from onereel.metrics.base import Context
from onereel.metrics.measures.base import Edit, Found, Measure
from onereel.video.clip import Frames


class StructureDistance(Measure):
    """Mean squared difference of the self-similarity of DINO's keys, last layer, frame by frame. 0 for the source.

    Self-similarity is the matrix of cosines of the keys (all heads side by side) of every two patches, class token
    included. Published with ViT-B/8 and often printed times 1000. Higher is not worse by itself: an edit of shape must
    change it.
    """

    name = "structure_distance_dino_keys"
    title = "Structure distance (DINO keys, last layer)"
    better = "lower"
    roles: ClassVar[tuple[str, ...]] = ("self-similarity",)

    def protocol(self) -> dict[str, Any]:
        """Layer, facet and reduction."""
        return {"name": "mse-of-self-similarity", "facet": "keys", "layer": "last", "class_token": True, "side": 224}

    def find(self, edit: Edit, context: Context) -> Found:
        """Mean over frames."""
        pairs = zip(self._keys(edit.source, context), self._keys(edit.output, context), strict=True)
        return Found(float(np.mean([self.distance(one, other) for one, other in pairs])))

    def distance(self, source: np.ndarray, output: np.ndarray) -> float:
        """Of the keys (L, D), of length 1, of two frames."""
        return float(np.square(source @ source.T - output @ output.T).mean())

    def _keys(self, frames: Frames, context: Context) -> np.ndarray:
        from onereel.features.self_similarity import SelfSimilarity  # with timm, which takes seconds to load

        weights = context.resolve("self-similarity")
        about = {"weights": weights.name, "sha256": weights.sha256}
        network = context.once(("dino", weights.sha256), lambda: SelfSimilarity(weights, device=context.device))
        return context.stored("dino-keys", [frames], about, lambda: {"keys": network.keys(frames)})["keys"]


MEASURES = (StructureDistance(),)
