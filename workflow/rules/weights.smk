"""Stand-ins: small models trained on the project's own scenes. `onereel weights adopt` ships what these jobs make."""


rule train_stand_in:
    input:
        code=code_of("standins"),
        needed=needed_stand_ins,
    output:
        weights="results/stand_ins/{stand_in}/model.safetensors",
        scores="results/stand_ins/{stand_in}/scores.json",
        curves="results/stand_ins/{stand_in}/curves.tsv",
        card="results/stand_ins/{stand_in}/card.md",
    log:
        "<logs>/train_stand_in/{stand_in}.log",
    benchmark:
        "<benchmarks>/train_stand_in/{stand_in}.tsv"
    wildcard_constraints:
        stand_in=pattern_of(STAND_INS),
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        mem_mb=8000,
        runtime=180,
        gpu=one_gpu,
    params:
        seed=config["seed"],
        state="results/state/stand_ins",
    script:
        "../scripts/train_stand_in.py"


rule stand_ins:
    input:
        expand("results/stand_ins/{stand_in}/card.md", stand_in=STAND_INS),
    localrule: True
