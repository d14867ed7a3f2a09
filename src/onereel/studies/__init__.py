"""Studies with people: what raters are shown, in which order, what they answered, and what that says.

A study is built from samples into a folder that opens anywhere (`onereel.report.user_study`); this package knows its
design, items, schedule, key, answers and their analysis. Frames that are kept from methods are `onereel.heldout`.
"""
