"""Pretrained generative models that methods build on."""
