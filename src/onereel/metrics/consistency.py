"""Frame and prompt consistency (Gen-1, Sec. 4.3): what CLIP makes of a sample's frames.

- Frame consistency: mean cosine of the image embeddings of consecutive frames. Higher is steadier, 1 for a still.
- Prompt consistency: mean cosine of every frame's image embedding and the prompt's text embedding. Higher is nearer to
  the words. The prompt is the run's; for runs without one the clip's caption: then it tells how far samples still show
  what the clip shows. Without either it is left out.
- Range [-1, 1]; values of different CLIP models do not compare. Frames as CLIP takes them: shorter side, centre crop.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from onereel.metrics.base import Context, Metric
from onereel.metrics.extracts import clip_images, clip_texts
from onereel.video.clip import Frames


class _Consistency(Metric):
    better = "higher"
    extractor = "clip"
    extractor_title = "CLIP"
    needs_reference = False

    def protocol(self) -> dict[str, Any]:
        """What is compared."""
        return {"name": f"cosine-{self.pairs}", "reduction": "mean", "crop": "shorter side, centre"}

    @property
    @abstractmethod
    def pairs(self) -> str:
        """What is held against each other."""

    def extract(self, frames: Frames, context: Context) -> np.ndarray:
        """(T, D) float32 image embeddings of length 1; kept."""
        return clip_images(frames, context)


class FrameConsistency(_Consistency):
    """Consecutive frames against each other."""

    name = "frame_consistency"
    title = "Frame consistency"
    pairs = "consecutive-frames"
    least_frames = 2

    def statistics(self, images: np.ndarray) -> np.ndarray:
        """(T-1,) cosines."""
        return np.asarray((images[:-1] * images[1:]).sum(1))

    def distance(self, cosines: np.ndarray) -> float:
        """Their mean."""
        return float(cosines.mean())

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """Of one sample; the reference plays no part."""
        (sample,) = samples
        return self.distance(self.statistics(self.extract(sample, context)))


class PromptConsistency(_Consistency):
    """Every frame against the prompt."""

    name = "prompt_consistency"
    title = "Prompt consistency"
    pairs = "frame-and-prompt"
    needs_prompt = True

    def statistics(self, images: np.ndarray, text: np.ndarray) -> np.ndarray:
        """(T,) cosines of (T, D) frames and a (D,) text."""
        return np.asarray(images @ text)

    def distance(self, cosines: np.ndarray) -> float:
        """Their mean."""
        return float(cosines.mean())

    def measure(self, reference: Frames, samples: Sequence[Frames], context: Context) -> float:
        """Of one sample; the reference plays no part."""
        (sample,) = samples
        (text,) = clip_texts([context.prompt], context)
        return self.distance(self.statistics(self.extract(sample, context), text))


METRICS = (FrameConsistency(), PromptConsistency())
