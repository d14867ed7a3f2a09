"""Commands with a common first word: ``onereel weights ...``; a module each."""
