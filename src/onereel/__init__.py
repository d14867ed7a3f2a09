"""One reel in; every single-video generator and editor of five papers, trained, sampled, measured and compared, out."""

__version__ = "0.1.0"
