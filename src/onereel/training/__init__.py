"""Training of every method: a loop that can be killed and resumed (`loop`), and descent on one loss (`descent`)."""
