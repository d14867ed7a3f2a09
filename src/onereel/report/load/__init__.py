"""What the workflow left, read for tables and the page."""
