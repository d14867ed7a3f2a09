"""Diffusion: what diffusers' schedulers do not have, and one way to use those that it has."""
