"""Trained weights: what there is (`entries`), how it gets here (`download`, `checkpoints`), which to use (`store`)."""
