"""Tables as csv, Markdown, LaTeX and HTML."""
