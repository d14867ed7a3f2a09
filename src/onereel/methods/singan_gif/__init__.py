"""SinGAN-GIF: Arora and Lee, "SinGAN-GIF: Learning a Generative Video Model from a Single GIF", WACV 2021.

Its authors published no code. Section 3, sentence for sentence, and where it is here (modules of
`onereel.methods.singan` and `onereel.gan`):

| paper | code |
| --- | --- |
| 3.1: pyramid of generators on a video pyramid, r > 1 | `settings.ScaleLadder`, `fit.fit` |
| 3.1, Eq. 1: the coarsest generator: noise to sample | `cascade.Cascade.run` |
| 3.1, Eq. 2: finer ones add a residual | `cascade.Cascade.refine`, `fit.PyramidLevel._make` |
| 3.1: z_opt = (z*, 0, ...), drawn once | `fit.PyramidLevel._prepare`, `cascade.Cascade.reconstruct` |
| 3.2: a critic of frames and one of snippets | `fit.make_critics`, `fit.PyramidLevel._view` |
| 3.2: t frames cut from one T x h x w noise map | `fit.PyramidLevel._draw` |
| 3.3.1: separable generators, plain critics | `networks.convolution`, `networks.Critic` |
| 3.3.2: 2D above, neighbours on the channels | `cascade.kind_of`, `cascade.with_neighbours` |
| 3.3.2: there the noise is the same for all frames | `cascade.draw_noise` |
| 3.4: coarse to fine, finished generators stay fixed | `growth.grow` |
| 3.4, Eq. 3: the sum of losses | `level.GANLevel._generator_loss` |
| 3.4.1, Eq. 4: WGAN-GP, averaged over patches | `wgan` |
| 3.4.2, Eq. 5: L1 reconstruction | `fit.PyramidLevel._own_loss` |
| 3.4.2: sigma from the RMSE, averaged over frames | `statistics.noise_amplitude` |
| 3.4.3, Eq. 6: mean and variance of each colour and frame | `statistics.colour_statistics_loss` |
| 3.5: every number | `config.PyramidConfig` |
| 5.1 to 5.6: applications | `tasks` |
| what 3.2, 3.3 and 3.4.3 claim of critics, speed and colours | no code: ablations in ``docs/results.md`` |

What the paper leaves open, what was chosen, and why:

- Layers, channels, initial weights, sigma's factor 0.1, inherited weights, 3 + 3 updates, the learning rate's drop, one
  noise channel for three at the coarsest level: SinGAN's published defaults, which it says it builds on.
- Sizes: both ends of the pyramid are given and r; they rarely fit. The ends hold, r shrinks a little, as in SinGAN.
- Time is not scaled: the paper scales "spatial dimensions" only.
- Resampling, of the pyramid and of Eq. 2's arrow: this project's antialiased cubic kernel.
- Precision: bfloat16 where the device has it (`precision`), which the paper's section 6 hopes for; float32 elsewhere.
- Zeros around pictures: once before the first layer, as in SinGAN; in time every layer pads one frame, because five
  frames of zeros around eight would drown them, and critics without padding in time need eleven frames.
- Separable: spatial, then temporal, nothing between; "without any major impact" leaves no room for a nonlinearity.
- 2D levels: first and last frame are their own neighbours; the noise map is added to every frame before they are put
  together, so a frame has the same noise wherever it is a neighbour.
- Eq. 4 puts the penalty at generated samples, its reference [10] at mixtures; mixtures are the default, `penalty_at` is
  the switch. The gradient is that of the summed patch scores, its norm one of each position (SinGAN).
- Eq. 5's reconstruction lacks the upsampling arrow of Eq. 2; it is the same pass with z_opt, upsampled.
- Eq. 6: covariance in the formula, variance in the text and in its sum over channels: variance. Frame n of a sample is
  compared with frame n of the window; the norm over frames is divided by the root of their number.
- Windows: 16 frames shrink to 8 evenly over the levels ("gradually"); their place is drawn anew at every update of the
  critics.
- The reconstruction below a level is made once for the whole clip, not for every window: at windows' edges it then is
  what sampling sees, and a step does not run the frozen levels twice.
- Random sample and reconstruction go through the generator together; batch norm sees both, as evaluation later does.
- Slow motion: the timer runs over the whole clip; only the coarsest level's ends are centred at -1 and +1 (finer noise
  has amplitude sigma around zero); the reconstruction's every k-th frame is the clip.
- Noise of the coarsest level: the frames of the T x h x w map are independent (`noise_in_common` is 0).
- Super-resolution: no noise, since what the weight of 125 trains is the reconstruction; exactly k passes.
- Composition: three passes ("repeated"); motion transfer and composition draw noise at the levels that they run.
- A level's samples are drawn with running statistics of batch norm: one sample does not depend on others.

Where `fast` and `demo` differ from the paper stands beside the numbers in ``config/methods/singan_gif.yaml``.
"""

from __future__ import annotations

from onereel.methods.base import Task
from onereel.methods.singan.family import PyramidMethod

__all__ = ["METHOD", "SinGANGIF"]


class SinGANGIF(PyramidMethod):
    """A pyramid of residual generators, 3D below and 2D above, with an image and a video critic at every level."""

    name = "singan_gif"
    title = "SinGAN-GIF"
    paper = "Arora and Lee, SinGAN-GIF: Learning a Generative Video Model from a Single GIF, WACV 2021"
    tasks = frozenset(
        {
            Task.GENERATE,
            Task.SLOW_MOTION,
            Task.LENGTHEN,
            Task.COMPOSE,
            Task.SUPER_RESOLVE,
            Task.MOTION_TRANSFER,
        }
    )


METHOD = SinGANGIF()
