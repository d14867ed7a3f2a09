"""SinGAN on all frames: the baseline of SinGAN-GIF's Table 1 (Arora and Lee 2021, section 4).

"Instead of training with just a single image we train it on all frames of a video together by passing a randomly
selected frame through the discriminator during each forward pass." SinGAN itself: Shaham, Dekel and Michaeli, "SinGAN:
Learning a Generative Model from a Single Natural Image", ICCV 2019.

It is the family's pyramid (`onereel.methods.singan.fit`) with one frame a step, 2D generators without neighbours, an
image critic alone, squares in the reconstruction loss with weight 10 and no colour statistics. What the sentence leaves
open: each frame has its own part of z_opt, so that every one of them can be rebuilt; frames of a sample are drawn each
on its own, since nothing in the model ties them together.

The family, which is SinGAN-GIF's (`onereel.methods.singan_gif`), too:

| module | what |
| --- | --- |
| `config`, `family` | settings; what its methods have in common |
| `parts`, `fit` | which pyramids are trained, and how |
| `cascade` | trained generators in a row |
| `requests`, `tasks` | what a task asks of a pyramid, before anything runs; how it is drawn |
| `copies`, `effects` | boxes copied within a clip; how much their seams show, where motion is |
"""

from __future__ import annotations

from onereel.methods.base import Task
from onereel.methods.singan.config import SinGANConfig
from onereel.methods.singan.family import PyramidMethod

__all__ = ["METHOD", "SinGAN", "SinGANConfig"]


class SinGAN(PyramidMethod):
    """A pyramid of picture generators, trained on all frames; the frames of a sample know nothing of each other."""

    name = "singan"
    title = "SinGAN (all frames)"
    paper = "Shaham, Dekel and Michaeli, SinGAN, ICCV 2019; on all frames: Arora and Lee 2021, section 4"
    tasks = frozenset({Task.GENERATE})
    Config = SinGANConfig


METHOD = SinGAN()
