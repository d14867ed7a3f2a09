"""Tables, figures and the HTML report of a project: everything that people read in the end.

`load` reads what the workflow left; `tables` and `page` write; `partial` writes what there is when a workflow failed.
Names are imported from these modules: most jobs need one of them, and all together take seconds.
"""
