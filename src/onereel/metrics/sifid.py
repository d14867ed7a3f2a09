"""SIFID, single-image FID (SinGAN, Sec. 3.2; reported by SinFusion, too), in the two variants that are published.

Fréchet distance between the Gaussians of Inception features at every position of the input picture and of one sample.

- `sifid`: 192 channels, just before the second max pooling, as SinGAN's paper defines it. `sifid64`: 64 channels,
  before the first, as its public code computes. Values of the two do not compare, and papers seldom say which.
- The public code pairs the files of two folders in whatever order they are listed; here every sample is held against
  the input that it was made from.
- Range [0, inf), lower is better; the input against itself gives 0. Pictures keep their size; [0, 1] is scaled to
  [-1, 1]. Mean over samples, then over pictures (`onereel.metrics.aggregate`).
- Of clips of one frame alone: of videos the same is called SGFID (`onereel.metrics.sgfid`).
- Extractor: torchvision's Inception v3 or a stand-in of the same architecture, named with its sha256 in every record.
"""

from typing import ClassVar

from onereel.metrics.sgfid import SGFID, SGFID64


class SIFID(SGFID):
    """As SinGAN's paper defines it: 192 channels."""

    extractor: ClassVar[str] = "inception"  # the title names its channels: no other network stands in
    name = "sifid"
    title = "SIFID (192-d, paper)"
    most_frames = 1


class SIFID64(SGFID64):
    """As SinGAN's public code computes it: 64 channels."""

    name = "sifid64"
    title = "SIFID (64-d, code)"
    most_frames = 1


METRICS = (SIFID(), SIFID64())
