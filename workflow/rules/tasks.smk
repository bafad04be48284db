# Supervised tasks: a head on the pretrained network, beside the same network from random weights and simple floors.


EXAMPLES = [f"{TASK}/examples.parquet", f"{TASK}/examples.json"]


rule read_examples:
    input:
        model=f"{MODEL}/config.json",
        tables=task_tables,
        bed=task_bed,
        variants=task_variants,
        tracks=task_tracks,
        bases=task_genome("sequence/bases.npy"),
        contigs=task_genome("sequence/contigs.tsv"),
        names=task_names,
        regions=task_regions,
        annotation=task_annotation,
    output:
        examples=EXAMPLES[0],
        about=EXAMPLES[1],
    log:
        "<logs>/read_examples/{task}/{model}.log",
    benchmark:
        "<benchmarks>/read_examples/{task}/{model}.tsv"
    conda:
        TORCH
    resources:
        mem_mb=mem_mb(4000, bases=2, tables=20, variants=200),
        runtime=runtime(60),
    params:
        settings=example_settings,
        genome=genome_of,
        corpus=lambda wildcards: study.held_out(wildcards.model),
        seed=study.config["seed"],
    script:
        "../scripts/read_examples.py"


rule finetune_head:
    input:
        model=MODEL_FILES,
        examples=EXAMPLES,
    output:
        head=f"{TASK_RUN}/head.safetensors",
        about=f"{TASK_RUN}/head.json",
        run=f"{TASK_RUN}/run.json",
        predictions=f"{TASK_RUN}/predictions.safetensors",
    log:
        "<logs>/finetune_head/{task}/{model}/{start}-{number}.log",
    benchmark:
        "<benchmarks>/finetune_head/{task}/{model}/{start}-{number}.tsv"
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000, examples=20),
        runtime=runtime(480),
        gpu=0,
    params:
        settings=training_settings,
        seed=study.config["seed"],
    script:
        "../scripts/finetune_head.py"


rule fit_floors:
    input:
        model=MODEL_FILES,
        examples=EXAMPLES,
    output:
        floors=f"{TASK}/floors.safetensors",
    log:
        "<logs>/fit_floors/{task}/{model}.log",
    benchmark:
        "<benchmarks>/fit_floors/{task}/{model}.tsv"
    conda:
        TORCH
    threads: 4
    resources:
        mem_mb=mem_mb(8000, examples=20),
        runtime=runtime(240),
        gpu=0,
    params:
        settings=floor_settings,
        seed=study.config["seed"],
    script:
        "../scripts/fit_floors.py"


rule learn_from_few:
    input:
        model=MODEL_FILES,
        examples=EXAMPLES,
    output:
        points=f"{TASK}/few_shot.json",
    log:
        "<logs>/learn_from_few/{task}/{model}.log",
    benchmark:
        "<benchmarks>/learn_from_few/{task}/{model}.tsv"
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000, examples=20),
        runtime=runtime(480),
        gpu=0,
    params:
        settings=training_settings,
        few_shot=lambda wildcards: study.tasks[wildcards.task]["few_shot"],
        seed=study.config["seed"],
    script:
        "../scripts/learn_from_few.py"


rule evaluate_task:
    input:
        examples=EXAMPLES,
        runs=task_runs,
        floors=rules.fit_floors.output.floors,
        few_shot=task_few_shot,
    output:
        head=f"{TASK}/head.safetensors",
        about=f"{TASK}/head.json",
        metrics=f"{TASK}/metrics.json",
        predictions=f"{TASK}/predictions.parquet",
    log:
        "<logs>/evaluate_task/{task}/{model}.log",
    benchmark:
        "<benchmarks>/evaluate_task/{task}/{model}.tsv"
    conda:
        TORCH
    resources:
        mem_mb=mem_mb(4000, examples=20),
        runtime=runtime(60),
    params:
        kind=lambda wildcards: study.tasks[wildcards.task]["kind"],
        mode=lambda wildcards: study.tasks[wildcards.task]["mode"],
        seed=study.config["seed"],
    script:
        "../scripts/evaluate_task.py"


rule export_head:
    input:
        model=MODEL_FILES,
        head=rules.evaluate_task.output.head,
        about=rules.evaluate_task.output.about,
        metrics=rules.evaluate_task.output.metrics,
    output:
        [f"{HUGGINGFACE}/{name}" for name in TASK_CODE],
        [f"{HUGGINGFACE}/{name}" for name in CODE],
        config=f"{HUGGINGFACE}/config.json",
        weights=f"{HUGGINGFACE}/model.safetensors",
        tokenizer=f"{HUGGINGFACE}/tokenizer.json",
        tokenizer_config=f"{HUGGINGFACE}/tokenizer_config.json",
        card=f"{HUGGINGFACE}/README.md",
    log:
        "<logs>/export_head/{task}/{model}.log",
    benchmark:
        "<benchmarks>/export_head/{task}/{model}.tsv"
    conda:
        TORCH
    resources:
        mem_mb=mem_mb(8000),
        runtime=runtime(30),
    script:
        "../scripts/export_head.py"
