"""What a workflow job and the command line both do: train parts, draw samples, conduct a held-out test."""
