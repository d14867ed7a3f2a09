"""What all stages share: the sheets, what a run needs, and where it lies."""

import atexit
import gc
import logging
import os
import sys
from functools import cache
from itertools import chain
from pathlib import Path

from snakemake.exceptions import WorkflowError

from onereel.project import console, layout, plan
from onereel.base.codefiles import write_stamp
from onereel.project.config import DEMO_CONFIG, project_config, read_config
from onereel.project.edits import named_sets
from onereel.base.digests import Digests
from onereel.base.errors import OnereelError
from onereel.base.names import pattern_of
from onereel.methods import load_method, training_code
from onereel.methods.base import BACKBONES
from onereel.studies.items import plain_subjects

# Relative, so that a repository that moves keeps what it knows of its inputs.
ROOT = Path(os.path.relpath(workflow.basedir))
ENVIRONMENT = "../envs/onereel.yaml"
PARTIAL = layout.PARTIAL_REPORT

# In the place of `configfile:`, which knows no encodings, no keys that stand twice and no lines. What the command line
# names comes on top: its files, of which `config` holds what Snakemake made of them, and its single values.
CONFIG_FILES = list(map(Path, workflow.overwrite_configfiles))
if not workflow.config_settings.replace_workflow_config:
    CONFIG_FILES = [*project_config(ROOT), *CONFIG_FILES]
workflow.configfiles[:] = map(str, CONFIG_FILES)  # for Snakemake's report and archive

try:
    config.update(read_config(CONFIG_FILES, workflow.config_settings.config))
    PLAN = plan.read(
        ROOT,
        clips=config["clips"],
        runs=config["runs"],
        heldout=config["heldout"],
        edits=config["edits"],
        studies=config["studies"],
        comparisons=config["comparisons"],
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
        PLAN.check_sources()
        if ROOT / DEMO_CONFIG in CONFIG_FILES:
            print(
                "This is the demo (config/demo); `onereel init VIDEO` starts a project of your own",
                file=sys.stderr,
            )
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


# The jobs of a thousand clips are millions of objects, none of them garbage; Python would look for some time and again.
if workflow.is_main_process:
    gc.set_threshold(100_000)

# A dry run knows no executor, and a default resource of Slurm's profile tells that it is meant.
FOR_CLUSTER = workflow.output_settings.dryrun and "tasks" in (
    workflow.resource_settings.default_resources or {}
)


def on_cluster():
    """Whether jobs run on a cluster. Asked when jobs are made: the executor is not known while rules are read."""
    return workflow.remote_exec or workflow.non_local_exec or FOR_CLUSTER


# Snakemake's own way to say less, `quiet: rules`, hides failures as well, and shortens the log file, too.
if workflow.is_main_process and not workflow.output_settings.verbose:
    if not workflow.output_settings.dryrun:
        console.shorten_console(logging.getLogger("snakemake.logging"))
    elif FOR_CLUSTER:
        # Not `is_local`: to a dry run every rule is.
        asked = console.Requests(lambda rule: rule in workflow._localrules)
        logging.getLogger("snakemake.logging").addFilter(asked)
        atexit.register(
            lambda: print("\nThe cluster would be asked for:", *asked.table(), sep="\n")
        )


# Only this process decides what is stale; the jobs that it starts read the same files anyway.
DIGESTS = Digests(Path(".snakemake/onereel-digests.json"))
atexit.register(DIGESTS.save)
CODE = Path(".snakemake/onereel-code")


def content_of(source):
    """What a file or a folder from outside holds, for a job's parameters; see `Plan.made_here` for those from inside."""
    if not workflow.is_main_process or PLAN.made_here(source):
        return ""
    return DIGESTS.of(source)


@cache
def code_of(*modules):
    """Of modules and all that they import the one input that changes when the code does; nothing for none."""
    if not modules:
        return []
    stamp = CODE / "+".join(modules)
    if workflow.is_main_process:
        write_stamp(stamp, *modules)
    return str(stamp)


wildcard_constraints:
    clip=pattern_of(
        [*PLAN.clips, *PLAN.known_clips, *chain(*PLAN.edited_clips.values())]
    ),
    editor=pattern_of(PLAN.editors),
    edits="[A-Za-z0-9_-]+",
    edit_kind="[a-z]+",
    test=pattern_of(PLAN.heldout),
    kind=pattern_of(PLAN.heldout_kinds),
    run=pattern_of(PLAN.runs),
    table=pattern_of(PLAN.tables),
    comparison=pattern_of(PLAN.comparisons),
    part="[A-Za-z0-9_-]+",
    sample="[A-Za-z0-9_.-]+",


def run_of(wildcards):
    """The row of a run, or of a test as a run."""
    return PLAN.computed.get(wildcards.run) or PLAN.runs[wildcards.run]


def resources_for(rule, run):
    """What the YAML of the run's method asks for a job of this rule, over modest defaults."""
    asked = plan.resources(ROOT, run, rule)
    if not on_cluster() and not plan.has_gpu():
        asked["gpu"] = 0
    return asked


def make_stored_folders():
    """Make the folders that DVC stores, also those that no run asks for."""
    for folder in layout.STORED:
        folder.mkdir(parents=True, exist_ok=True)


PREVIEWS = ("depth", "flow", "embeddings")


def one_gpu(wildcards):
    """Of jobs that run one network over a clip: a GPU where this machine, or the cluster, has one."""
    return 1 if plan.has_gpu() or on_cluster() else 0


def inputs_of(wildcards):
    """Files that the run reads and that other jobs make."""
    return PLAN.made_of(PLAN.inputs(wildcards.run))


def contents_of(inputs):
    """What the files from outside hold that a run reads (see `Plan.inputs`), by role."""
    return {role: content_of(path) for role, path in inputs.get("files", {}).items()}


def models_of(run):
    """Files of the trained parts that a run samples with, by part."""
    return {
        part: f"<models>/{'/'.join(model)}.safetensors"
        for part, model in PLAN.models_of(run).items()
    }


def trained(wildcards):
    """The run whose settings this part is trained with."""
    model = (wildcards.clip, wildcards.method, wildcards.variant, wildcards.part)
    if model not in PLAN.models:
        raise WorkflowError(
            f"model {' '.join(model)}: no run or test trains it (add its row to {config['runs']})"
        )
    return PLAN.models[model]


def training_inputs(wildcards):
    """What the training of this part reads."""
    return PLAN.inputs(trained(wildcards).run, wildcards.part)


def needed_models(wildcards):
    """Files of the parts that must be trained before this one, by part."""
    run = trained(wildcards).run
    models = models_of(run)
    return {part: models[part] for part in PLAN.parts(run)[wildcards.part].needs}


def training_backbones(wildcards):
    """Pretrained networks that the training of this part reads."""
    run = trained(wildcards).run
    return (
        PLAN.backbones(run)
        if BACKBONES in PLAN.parts(run)[wildcards.part].reads
        else ()
    )


def runs_to_check(wildcards, input):
    """What `onereel.jobs.checks` is told of the runs that need this model, before it is trained.

    With `input` among its arguments this is no reason to train again: a new row says nothing of what is trained.
    """
    model = (wildcards.clip, wildcards.method, wildcards.variant, wildcards.part)
    return [
        {
            "run": run,
            "method": PLAN.computed[run].method,
            "task": str(PLAN.computed[run].task),
            "config": PLAN.configs[run].model_dump(mode="json"),
            "inputs": PLAN.inputs(run),
            "backbones": PLAN.backbones(run),
        }
        for run in PLAN.sharing[model]
    ]


def input_read(wildcards):
    """Which file this artefact is made of, and how."""
    return PLAN.inputs_read[
        str(layout.INPUTS / wildcards.artefact / f"{wildcards.input}.safetensors")
    ]


def training_resource(name):
    """A resource of the method's YAML, as Snakemake asks for it."""
    return lambda wildcards: resources_for("fit", trained(wildcards))[name]


def mode_for(backbones):
    """Which weights of pretrained networks a job uses; None where it uses none."""
    return config["weights"] if backbones else None


def backbone_files(backbones):
    """What decides which weights those are: jobs without any do not depend on it."""
    if not backbones:
        return []
    return [
        *plan.weights_lists(ROOT),
        *plan.present_weights(ROOT, config["weights"], backbones),
    ]


def needed_stand_ins(wildcards):
    """The stand-ins that the training of another reads."""
    return expand(
        "results/stand_ins/{name}/model.safetensors",
        name=plan.needed_stand_ins(wildcards.stand_in),
    )


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


def clip_of(run):
    """The run's clip; nothing for a run that needs none."""
    return [f"<clips>/{run.clip}.mkv"] if run.clip else []


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


# Sets of known edits that editors run on.
EDITED = sorted({editor.edits for editor in PLAN.editors.values()})
# Those whose page shows which measure agrees with truth.
try:
    WHICH_MEASURE = named_sets(config["which_measure"], PLAN.edit_sets)
except OnereelError as error:
    sys.exit(str(error))


def editor_kinds(editor):
    """The kinds of edits that an editor is asked for."""
    return PLAN.editors[editor].asked.kinds


def edits_of(wildcards):
    """The runs of one editor on the known edits of one kind, by the edits' names."""
    return PLAN.editors[wildcards.editor].by_kind[wildcards.edit_kind]


def editing_resource(name):
    """A resource of the method's YAML: of a sample, for as long as all edits of a kind take."""

    def asked(wildcards):
        runs = edits_of(wildcards)
        value = resources_for("sample", next(iter(runs.values())))[name]
        return value * len(runs) if name == "runtime" else value

    return asked


def outputs_of(wildcards):
    """What is to be judged of an editor: folders of ours, or files of somebody else's that jobs here make."""
    if wildcards.editor in PLAN.editor_runs:
        return expand(
            "<edits>/outputs/{editor}/{kind}",
            editor=wildcards.editor,
            kind=editor_kinds(wildcards.editor),
        )
    return PLAN.made_here(PLAN.source_of_outputs(wildcards.editor))


def compared_sets(wildcards):
    """The sets of known edits of a comparison."""
    named = PLAN.compared[wildcards.comparison].editors_named
    return list(dict.fromkeys(PLAN.editors[editor].edits for editor in named))


def compared_calibrations(wildcards):
    """Scores of outputs made from the truth, where a comparison shows some."""
    if not getattr(PLAN.compared[wildcards.comparison], "calibration", ()):
        return []
    return expand("<edits>/calibration/{edits}.json", edits=compared_sets(wildcards))


def compared_outputs(wildcards):
    """Lossless outputs of editors of ours, where a comparison shows frames of them."""
    compared = PLAN.compared[wildcards.comparison]
    if compared.form != "strip":
        return []
    kinds = {name.rpartition("-")[0] for name in compared.edits}
    return [
        f"<edits>/outputs/{editor}/{kind}"
        for editor in compared.editors_named
        if editor in PLAN.editor_runs
        for kind in sorted(kinds & set(editor_kinds(editor)))
    ]


def editors_on(edits):
    """The editors that are asked for a set of known edits."""
    return [name for name, editor in PLAN.editors.items() if editor.edits == edits]


def edits_of_truth(wildcards):
    """The first known edits of one kind: those for which outputs are made from the truth, and one more, of which some
    are made."""
    asked = PLAN.edit_sets[wildcards.edits]
    number = min(asked.number, config["which_measure_edits"] + 1)
    return {
        **asked.model_dump(mode="json"),
        "kinds": [wildcards.edit_kind],
        "number": number,
    }


def of_truth(what, edits):
    """What is known of outputs that are made from the truth, a file for each kind of edit."""
    return expand(
        f"<edits>/{what}/{edits}/{{kind}}.json", kind=PLAN.edit_sets[edits].kinds
    )
