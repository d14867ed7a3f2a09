"""What the GANs of one video share: SinGAN, SinGAN-GIF (a pyramid of residual generators) and HP-VAE-GAN.

| module | what |
| --- | --- |
| `settings` | constants of adversarial training, the ladder of picture sizes; needs no torch |
| `networks` | convolution blocks: 2D, full 3D, separable 3D; patch critics |
| `wgan` | WGAN-GP: losses, and the gradient penalty without a double backward pass |
| `statistics` | colour statistics, noise amplitude from the reconstruction, colour drift |
| `growth` | level after level as resumable units; a finished level never trains again |
| `guards` | what a training will take, before it starts; colours that run away, before hours are lost |

The SinGAN family lives in `onereel.methods.singan`, HP-VAE-GAN in its own package.
"""
