# Supervised tasks: a head on the pretrained network, beside the same network from random weights.


rule finetune_head:
    input:
        model=MODEL_FILES,
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        regions=of_genome("regions.bed.gz"),
    output:
        head=f"{TASK}/head.safetensors",
        config=f"{TASK}/head.json",
        metrics=f"{TASK}/metrics.json",
        predictions=f"{TASK}/predictions.parquet",
    log:
        "<logs>/finetune_head/{task}/{model}.log",
    benchmark:
        "<benchmarks>/finetune_head/{task}/{model}.tsv"
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000),
        runtime=runtime(480),
        gpu=0,
    params:
        settings=lambda wildcards: inference(**study.tasks[wildcards.task]),
        genome=genome_of,
        corpus=lambda wildcards: study.held_out(wildcards.model),
        seed=study.config["seed"],
    script:
        "../scripts/finetune_head.py"
