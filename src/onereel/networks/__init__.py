"""Layers that several methods and extractors share."""
