"""Frames that a method never saw, predicted and compared with the real ones (SinFusion, section 7).

`hold_out` splits a clip, `baselines` predicts without any model, `measure` compares. `onereel.jobs.heldout` asks a
method through its public interface, ``config/heldout.tsv`` (`onereel.project.heldout`) says what to ask.
"""
