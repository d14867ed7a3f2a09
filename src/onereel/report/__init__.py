"""Tables, figures and the HTML report of a project: everything that people read in the end."""

from onereel.report.figures import write_figures
from onereel.report.page import write_report
from onereel.report.project import ClipEntry, Project, RunEntry, SampleEntry, load_project
from onereel.report.tables import write_table
from onereel.report.visuals import visualise

__all__ = [
    "ClipEntry",
    "Project",
    "RunEntry",
    "SampleEntry",
    "load_project",
    "visualise",
    "write_figures",
    "write_report",
    "write_table",
]
