"""Clips and what is done to any of them: pyramids, boxes, warping by a flow, known corruptions."""
