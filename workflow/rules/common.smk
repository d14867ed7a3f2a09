"""What all stages share: the sheets, what a run needs, and where it lies."""

import re
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import validate

from onereel import plan
from onereel.codefiles import code_files
from onereel.errors import OnereelError

ROOT = Path(workflow.basedir)
SCHEMAS = ROOT / "workflow/schemas"
ENVIRONMENT = str(ROOT / "workflow/envs/onereel.yaml")

validate(config, str(SCHEMAS / "config.schema.yaml"))

try:
    PLAN = plan.read(
        ROOT,
        clips=config["clips"],
        runs=config["runs"],
        tables=config["tables"],
        # A job of this workflow parses it again; the process that started it has checked the names.
        metrics=config["metrics"] if workflow.is_main_process else [],
    )
except OnereelError as error:
    # One line for the user instead of a traceback through this file.
    raise WorkflowError(str(error)) from None


def any_of(names):
    """A wildcard constraint that takes these names and no other; nothing at all for none."""
    return "|".join(map(re.escape, sorted(names))) or "(?!)"


wildcard_constraints:
    clip=any_of(PLAN.clips),
    run=any_of(PLAN.runs),
    table=any_of(PLAN.tables),
    part="[A-Za-z0-9_]+",
    sample="[A-Za-z0-9_.-]+",


def run_of(wildcards):
    return PLAN.runs[wildcards.run]


@cache
def local_gpus():
    """Whether jobs that want a GPU can have one here."""
    return any(Path("/dev").glob("nvidia[0-9]*"))


def resources_for(rule, method):
    """What the method's YAML asks for a job of this rule, over modest defaults."""
    asked = plan.resources(ROOT, method, rule)
    on_cluster = workflow.remote_exec or workflow.non_local_exec
    if not on_cluster and not local_gpus():
        asked["gpu"] = 0
    return asked
