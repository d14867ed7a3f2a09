"""What an edit leaves alone: source and edit compared outside the mask of what may change.

Frame by frame, then a mean over the frames of which at least a hundredth lies outside the mask (`share` says which
part of them does). Without a mask these are not defined: with all pixels they would call every edit a fault.
"""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from onereel.metrics.base import Context
from onereel.metrics.edits.fidelity import masked_psnr, masked_ssim
from onereel.metrics.measures.base import Edit, Found, Measure
from onereel.metrics.psnr import PEAK

_LEAST = 0.01  # share of a frame's pixels: fewer say nothing about it, as in `masked_psnr`


class _Background(Measure):
    wants: ClassVar[tuple[str, ...]] = ("mask",)
    definition: ClassVar[dict[str, Any]]

    def protocol(self) -> dict[str, Any]:
        """What is computed, and where."""
        return {**self.definition, "where": "outside the mask", "reduction": "mean over frames"}

    def find(self, edit: Edit, context: Context) -> Found:
        """Over the frames that have an outside."""
        assert edit.mask is not None
        usable = (~edit.mask).mean((1, 2)) >= _LEAST
        if not usable.any():
            return Found(None, "the mask leaves less than a hundredth of every frame", 0.0)
        value = self.outside(edit, usable, context)
        return Found(value, "" if value is not None else "too few pixels outside the mask", float(usable.mean()))

    @abstractmethod
    def outside(self, edit: Edit, usable: np.ndarray, context: Context) -> float | None:
        """The value; `usable` (T,) says which frames have an outside."""


class BackgroundPSNR(_Background):
    """PSNR in dB over the pixels outside the mask. An equal frame counts as if one value were off by one."""

    name = "background_psnr"
    title = "PSNR (outside the mask)"
    better = "higher"
    unit = "dB"
    definition: ClassVar[dict[str, Any]] = {"name": "rgb-psnr", "peak": PEAK}

    def outside(self, edit: Edit, usable: np.ndarray, context: Context) -> float | None:
        """Mean over frames."""
        assert edit.mask is not None
        return masked_psnr(edit.output, edit.source, ~edit.mask)


class BackgroundSSIM(_Background):
    """SSIM (7x7 windows) over windows that do not touch the mask."""

    name = "background_ssim"
    title = "SSIM (outside the mask)"
    better = "higher"
    definition: ClassVar[dict[str, Any]] = {"name": "rgb-ssim-7x7"}

    def outside(self, edit: Edit, usable: np.ndarray, context: Context) -> float | None:
        """Mean over frames."""
        return masked_ssim(edit.output, edit.source, edit.mask)


class BackgroundMSE(_Background):
    """Mean squared error over the pixels outside the mask, values in [0, 1]."""

    name = "background_mse"
    title = "MSE (outside the mask)"
    better = "lower"
    definition: ClassVar[dict[str, Any]] = {"name": "rgb-mse", "range": "0..1"}

    def outside(self, edit: Edit, usable: np.ndarray, context: Context) -> float | None:
        """Mean over frames of the mean over pixels."""
        assert edit.mask is not None
        errors = []
        for source, output, inside in zip(
            edit.source[usable], edit.output[usable], edit.mask[usable], strict=True
        ):  # frame by frame: float copies of a whole clip are large
            difference = source[~inside].astype(np.float64) - output[~inside]
            errors.append(np.square(difference / PEAK).mean())
        return float(np.mean(errors))


class BackgroundLPIPSAlex(_Background):
    """LPIPS v0.1, AlexNet, of frames in which both are black inside the mask (as PIE-Bench and FiVE measure it).

    A mean over all positions: a large mask makes it small, whatever the background is like.
    """

    name = "background_lpips_alex"
    title = "LPIPS (AlexNet, mask black)"
    better = "lower"
    roles: ClassVar[tuple[str, ...]] = ("perceptual-distance",)
    trunk: ClassVar[str] = "alex"
    definition: ClassVar[dict[str, Any]] = {"name": "lpips-0.1-alex", "inside": "black in both"}

    def outside(self, edit: Edit, usable: np.ndarray, context: Context) -> float | None:
        """Mean over frames."""
        from onereel.features.perceptual import PerceptualDistance  # with torchvision, which takes seconds to load

        assert edit.mask is not None
        weights = context.resolve("perceptual-distance")
        network = context.once(
            ("lpips", self.trunk, weights.sha256),
            lambda: PerceptualDistance(weights, self.trunk, device=context.device),  # type: ignore[arg-type]
        )
        if min(edit.source.shape[1:3]) < network.smallest:
            return None
        kept = (~edit.mask[usable])[..., None]
        return float(network.distances(edit.source[usable] * kept, edit.output[usable] * kept).mean())


class BackgroundLPIPSVGG(BackgroundLPIPSAlex):
    """The same by VGG-16; its values are larger and do not compare with AlexNet's."""

    name = "background_lpips_vgg"
    title = "LPIPS (VGG-16, mask black)"
    trunk = "vgg"
    definition: ClassVar[dict[str, Any]] = {"name": "lpips-0.1-vgg", "inside": "black in both"}


MEASURES = (BackgroundPSNR(), BackgroundSSIM(), BackgroundMSE(), BackgroundLPIPSAlex(), BackgroundLPIPSVGG())
