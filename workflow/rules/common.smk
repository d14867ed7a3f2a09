"""What all stages share: the sheets, what a run needs, and where it lies."""

import os
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from onereel.project import plan
from onereel.base.codefiles import code_files
from onereel.project.config import read_config
from onereel.base.digests import Digests
from onereel.base.errors import OnereelError
from onereel.methods import load_method, training_code
from onereel.base.parsing import clips_and_files

# Relative, so that a repository that moves keeps what it knows of its inputs.
ROOT = Path(os.path.relpath(workflow.basedir))
ENVIRONMENT = "../envs/onereel.yaml"
PARTIAL = plan.PARTIAL_REPORT

# In the place of `configfile:`, which knows no encodings, no keys that stand twice and no lines. What the command line
# names comes on top: its files, of which `config` holds what Snakemake made of them, and its single values.
CONFIG_FILES = [ROOT / "config/config.yaml", *workflow.overwrite_configfiles]
if workflow.config_settings.replace_workflow_config:
    CONFIG_FILES = CONFIG_FILES[1:]
workflow.configfiles[:] = map(str, CONFIG_FILES)  # for Snakemake's report and archive

try:
    config.update(read_config(CONFIG_FILES, workflow.config_settings.config))
    PLAN = plan.read(
        ROOT,
        clips=config["clips"],
        runs=config["runs"],
        heldout=config["heldout"],
        tables=config["tables"],
        # A job of this workflow parses it again; the process that started it has checked the names.
        metrics=(
            [*config["metrics"], *config["edit_metrics"]]
            if workflow.is_main_process
            else []
        ),
    )
    if workflow.is_main_process:
        plan.check_places(PLAN)
        # Where nothing is left to do, no hook runs after this.
        PLAN.record_samples()
        for name in PLAN.kept:
            print(
                f"clip '{name}': its source is gone; the clip that was made of it stays as it is",
                file=sys.stderr,
            )
    PREVIEWED = PLAN.previewed(config["previews"])
    STAND_INS = plan.stand_ins(ROOT)
except OnereelError as error:
    # One line for the user, also with `--quiet all`, for which Snakemake swallows what is raised here.
    sys.exit(str(error))


# Only this process decides what is stale; the jobs that it starts read the same files anyway.
DIGESTS = Digests(Path(".snakemake/onereel-digests.json"))


def content_of(source):
    """What a file or a folder from outside holds, for a job's parameters; see `Plan.made_here` for those from inside."""
    if not workflow.is_main_process or PLAN.made_here(source):
        return ""
    return DIGESTS.of(source)


def any_of(names):
    """A wildcard constraint that takes these names and no other; nothing at all for none."""
    return "|".join(map(re.escape, sorted(names))) or "(?!)"


wildcard_constraints:
    clip=any_of([*PLAN.clips, *PLAN.known_clips]),
    test=any_of(PLAN.heldout),
    kind=any_of(PLAN.heldout_kinds),
    run=any_of(PLAN.runs),
    table=any_of(PLAN.tables),
    part="[A-Za-z0-9_]+",
    sample="[A-Za-z0-9_.-]+",


def run_of(wildcards):
    """The row of a run, or of a test as a run."""
    return PLAN.computed.get(wildcards.run) or PLAN.runs[wildcards.run]


def resources_for(rule, run):
    """What the YAML of the run's method asks for a job of this rule, over modest defaults."""
    asked = plan.resources(ROOT, run, rule)
    on_cluster = workflow.remote_exec or workflow.non_local_exec
    if not on_cluster and not plan.has_gpu():
        asked["gpu"] = 0
    return asked


ARTEFACTS = {
    "pyramid": "<pyramids>/{clip}/{key}.safetensors",
    "depth": "data/depth/{clip}.safetensors",
    "flow": "data/flow/{clip}.safetensors",
    "embeddings": "data/embeddings/{clip}.safetensors",
}
STORED = (
    "data/clips",
    "data/pyramids",
    "data/depth",
    "data/flow",
    "data/embeddings",
    "results/samples",
    "results/metrics",
    "results/visuals",
    "results/tables",
)


def make_stored_folders():
    """Make the folders that DVC stores, also those that no run asks for."""
    for folder in STORED:
        Path(folder).mkdir(parents=True, exist_ok=True)


PREVIEWS = ("depth", "flow", "embeddings")

# Of jobs that run one network over a clip: a GPU where this machine, or the cluster, has one.
GPU = 1 if plan.has_gpu() or workflow.remote_exec or workflow.non_local_exec else 0


def artefacts_of(wildcards):
    """Artefacts that the run's method asks for, by kind."""
    return {
        kind: ARTEFACTS[kind].format(clip=run_of(wildcards).clip, key=key)
        for kind, key in PLAN.requires(wildcards.run).items()
    }


def trained(wildcards):
    """The run whose settings this part is trained with."""
    model = (wildcards.clip, wildcards.method, wildcards.variant, wildcards.part)
    if model not in PLAN.models:
        raise WorkflowError(
            f"model {' '.join(model)}: no run or test trains it (add its row to {config['runs']})"
        )
    return PLAN.models[model]


def needed_parts(wildcards):
    """Parts that must be trained before this one."""
    needs = PLAN.parts(trained(wildcards).run)[wildcards.part]
    return expand(
        "<models>/{{clip}}/{{method}}/{{variant}}/{part}.safetensors", part=needs
    )


def training_resource(name):
    """A resource of the method's YAML, as Snakemake asks for it."""
    return lambda wildcards: resources_for("fit", trained(wildcards))[name]


def weights_of(wildcards):
    """Trained parts that the run samples with, by part."""
    run = run_of(wildcards)
    variant = PLAN.variant(run.run)
    return {
        part: f"<models>/{run.clip}/{run.method}/{variant}/{part}.safetensors"
        for part in PLAN.parts(run.run)
    }


def networks_of(run):
    """Which weights of frozen networks the run's method uses; None where its task uses none."""
    return config["weights"] if PLAN.networks(run.run) else None


def network_files(run):
    """What decides which weights those are: samples of other tasks do not depend on it."""
    if not PLAN.networks(run.run):
        return []
    listed = str(ROOT / "config/weights.yaml")
    return [
        listed,
        *plan.present_weights(ROOT, config["weights"], PLAN.networks(run.run)),
    ]


def further_clips(wildcards):
    """Clips other than the run's own, by role."""
    clips, _ = clips_and_files(run_of(wildcards).inputs)
    return {role: f"<clips>/{name}.mkv" for role, name in clips.items()}


def further_files(wildcards):
    """Other files, by role."""
    _, files = clips_and_files(run_of(wildcards).inputs)
    return {role: PLAN.resolve(path) for role, path in files.items()}


def files_made_here(wildcards):
    """Those of them that other jobs make."""
    return [
        made
        for path in further_files(wildcards).values()
        for made in PLAN.made_here(path)
    ]


def contents(wildcards):
    """What they hold, by role."""
    return {role: content_of(path) for role, path in further_files(wildcards).items()}


def guided(run):
    """Who says what the report shows of a run's further inputs; None for a run without any."""
    if not run.inputs or run.external:
        return None
    config = PLAN.configs[run.run].model_dump(mode="json")
    return {"method": run.method, "task": str(run.task), "config": config}


def guiding_code(run):
    """Modules that `guided` brings along."""
    return [f"methods.{run.method}"] if guided(run) else []


def sampling_resource(name):
    """A resource of the method's YAML, as Snakemake asks for it."""
    return lambda wildcards: resources_for("sample", run_of(wildcards))[name]


def samples_of(wildcards):
    """The lossless samples of a run."""
    return expand(
        "<samples>/{run}/{sample}.mkv",
        run=wildcards.run,
        sample=PLAN.samples(wildcards.run),
    )


HELDOUT_ROWS = [test.plain() for test in PLAN.heldout.values()]
HELDOUT_RECORDS = expand("<heldout>/{test}/record.json", test=PLAN.heldout)


def heldout_run(wildcards):
    """The test as a run on its known frames."""
    return PLAN.heldout[wildcards.test].run


def heldout_resource(name):
    """A resource of the method's YAML, as Snakemake asks for it."""
    return lambda wildcards: resources_for("heldout", heldout_run(wildcards))[name]
