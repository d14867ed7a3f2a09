"""Studies with people as folders to publish, and their results as tables."""
