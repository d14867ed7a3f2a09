"""Training of every method: a loop that can be killed and resumed (`loop`), a trainer for one loss (`trainer`),
averaged weights (`ema`), parts and adapters of pretrained networks (`adapters`), several processes (`processes`)."""
