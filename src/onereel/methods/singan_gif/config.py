"""Settings of SinGAN-GIF: those of the family, whose defaults are its published numbers."""

from onereel.gan.config import PyramidConfig


class SinGANGIFConfig(PyramidConfig):
    """Every constant of SinGAN-GIF; `onereel.gan.config.PyramidConfig` has them all."""
