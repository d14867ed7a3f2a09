"""A pixel cascade that makes videos of texts, in the manner of Imagen Video (Ho et al. 2022), small enough for two
cores.

`network` defines what every stage is, `text` reads prompts, `stages` says which stages there are, `pipeline` samples.
"""
