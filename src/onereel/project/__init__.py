"""What a project says: its configuration and sheets, and the plan of everything that follows from them.

`config`, `clips`, `runs`, `heldout` and `tables` read one file each; `plan` puts them together and checks them before
any job starts. Needs no torch: the workflow is parsed in every job.
"""
