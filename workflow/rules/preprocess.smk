"""What several methods read of a clip, made once: each kind of artefact has a rule, `Method.requires` asks by kind."""


rule build_pyramid:
    input:
        clip="<clips>/{clip}.mkv",
        code=code_of("video.pyramid"),
    output:
        "<pyramids>/{clip}/{ladder}.safetensors",
    log:
        "<logs>/build_pyramid/{clip}/{ladder}.log",
    benchmark:
        "<benchmarks>/build_pyramid/{clip}/{ladder}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=20,
    script:
        "../scripts/build_pyramid.py"


rule estimate_depth:
    input:
        clip="<clips>/{clip}.mkv",
        weights_list=plan.weights_lists(ROOT),
        weights=plan.present_weights(ROOT, config["weights"], ["depth"]),
        code=code_of("features.artefacts", "features.depth"),
    output:
        "data/depth/{clip}.safetensors",
    log:
        "<logs>/estimate_depth/{clip}.log",
    benchmark:
        "<benchmarks>/estimate_depth/{clip}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=8000,
        runtime=60,
        gpu=one_gpu,
    params:
        kind="depth",
        weights=config["weights"],
    script:
        "../scripts/preprocess.py"


rule estimate_flow:
    input:
        clip="<clips>/{clip}.mkv",
        weights_list=plan.weights_lists(ROOT),
        weights=plan.present_weights(ROOT, config["weights"], ["flow"]),
        code=code_of("features.artefacts", "features.flow"),
    output:
        "data/flow/{clip}.safetensors",
    log:
        "<logs>/estimate_flow/{clip}.log",
    benchmark:
        "<benchmarks>/estimate_flow/{clip}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=8000,
        runtime=60,
        gpu=one_gpu,
    params:
        kind="flow",
        weights=config["weights"],
    script:
        "../scripts/preprocess.py"


rule embed_clip:
    input:
        clip="<clips>/{clip}.mkv",
        weights_list=plan.weights_lists(ROOT),
        weights=plan.present_weights(ROOT, config["weights"], ["clip"]),
        code=code_of("features.artefacts", "features.text_image", "features.open_clip"),
    output:
        "data/embeddings/{clip}.safetensors",
    log:
        "<logs>/embed_clip/{clip}.log",
    benchmark:
        "<benchmarks>/embed_clip/{clip}.tsv"
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=8000,
        runtime=60,
        gpu=one_gpu,
    params:
        kind="embeddings",
        weights=config["weights"],
    script:
        "../scripts/preprocess.py"


rule embed_text:
    input:
        weights_list=plan.weights_lists(ROOT),
        weights=plan.present_weights(ROOT, config["weights"], ["clip"]),
        code=code_of("features.artefacts", "features.text_image", "features.open_clip"),
    output:
        "data/embeddings/texts/{text}.safetensors",
    log:
        "<logs>/embed_text/{text}.log",
    benchmark:
        "<benchmarks>/embed_text/{text}.tsv"
    wildcard_constraints:
        text="[0-9a-f]{16}",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=8000,
        runtime=20,
        gpu=one_gpu,
    params:
        weights=config["weights"],
        text=lambda wildcards: PLAN.texts[wildcards.text],
    script:
        "../scripts/embed_text.py"


# Of a file that is no clip but a further input of a run: a picture, a video.
rule preprocess_input:
    input:
        source=lambda wildcards: PLAN.made_here(input_read(wildcards).source),
        weights_list=plan.weights_lists(ROOT),
        weights=plan.present_weights(ROOT, config["weights"]),
        code=code_of("jobs.artefacts"),
    output:
        "data/inputs/{artefact}/{input}.safetensors",
    log:
        "<logs>/preprocess_input/{artefact}/{input}.log",
    benchmark:
        "<benchmarks>/preprocess_input/{artefact}/{input}.tsv"
    wildcard_constraints:
        artefact=pattern_of({read.kind for read in PLAN.inputs_read.values()}),
        input="[0-9a-f]{16}",
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=8000,
        runtime=60,
        gpu=one_gpu,
    params:
        read=lambda wildcards: input_read(wildcards)._asdict(),
        content=lambda wildcards: content_of(input_read(wildcards).source),
        weights=config["weights"],
    script:
        "../scripts/preprocess_input.py"


rule preprocessed:
    input:
        [
            layout.ARTEFACTS[kind].format(clip=clip)
            for clip in PREVIEWED
            for kind in PREVIEWS
        ],
        expand("data/embeddings/texts/{text}.safetensors", text=PLAN.texts),
        [
            path
            for run in PLAN.computed
            for _, _, path in PLAN.inputs(run).get("artefacts", [])
        ],
    log:
        "<logs>/preprocessed.log",
    localrule: True
    run:
        # Where everything is current no job starts, and `onstart` does not come.
        make_stored_folders()
