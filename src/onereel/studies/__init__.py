"""Held-out studies (SinFusion, section 7): frames that a method never saw, predicted and compared with the real ones.

`hold_out` splits a clip, `baselines` predicts without any model, `conduct` asks a method through its public interface,
`measure` compares, `sheet` reads ``config/studies.tsv``. Nothing here knows Snakemake.
"""
