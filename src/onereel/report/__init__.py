"""Tables, figures and the HTML report of a project: everything that people read in the end.

`project` reads what the workflow left; `tables`, `figures`, `page` and `partial` write; `visuals` makes what players
show. Names are imported from these modules: most jobs need one of them, and all together take seconds.
"""
