# Models, trained or brought in, their measure on windows they never saw, and sweeps of them side by side.


rule pretrain_model:
    input:
        windows=of_corpus("windows.parquet"),
        manifest=of_corpus("corpus.json"),
        bases=per_genome(f"{GENOME}/sequence/bases.npy"),
        contigs=per_genome(f"{GENOME}/sequence/contigs.tsv"),
        tokenizer=tokenizer_of,
        regions=training_regions,
        init_from=initial_model,
    output:
        config=f"{MODEL}/config.json",
        weights=f"{MODEL}/model.safetensors",
        tokenizer=f"{MODEL}/tokenizer.json",
        tokenizer_config=f"{MODEL}/tokenizer_config.json",
        code=expand(f"{MODEL}/{{code}}", code=CODE, allow_missing=True),
        curves=f"{MODEL}/curves.tsv",
        tensorboard=directory(f"{MODEL}/tensorboard"),
        report=f"{MODEL}/training.json",
    log:
        "<logs>/pretrain_model/{model}.log",
    benchmark:
        "<benchmarks>/pretrain_model/{model}.tsv"
    wildcard_constraints:
        model=any_of(study.trained),
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000),
        runtime=1440,
        gpu=training_gpus,
        nodes=training_nodes,
        tasks=training_nodes,
        # or Slurm would start a task for each GPU
        tasks_per_gpu=0,
        mpi=training_launcher,
        slurm_extra=training_options,
    params:
        genomes=corpus_genomes,
        labelled=lambda wildcards: study.labelled(wildcards.model),
        architecture=lambda wildcards: study.architecture(wildcards.model),
        training=model_setting("training"),
        hardware=hardware,
        seed=lambda wildcards: study.seed(wildcards.model),
        state=training_state,
    script:
        "../scripts/pretrain_model.py"


rule import_model:
    input:
        folder=pretrained_folder,
    output:
        config=f"{MODEL}/config.json",
        weights=f"{MODEL}/model.safetensors",
        tokenizer=f"{MODEL}/tokenizer.json",
        tokenizer_config=f"{MODEL}/tokenizer_config.json",
        report=f"{MODEL}/training.json",
    log:
        "<logs>/import_model/{model}.log",
    benchmark:
        "<benchmarks>/import_model/{model}.tsv"
    wildcard_constraints:
        model=any_of(study.imported),
    conda:
        TORCH
    resources:
        mem_mb=mem_mb(16000),
        runtime=runtime(240),
    params:
        source=model_setting("pretrained"),
        revision=model_setting("revision"),
        trust_remote_code=model_setting("trust_remote_code"),
        window=corpus_window,
    script:
        "../scripts/import_model.py"


rule evaluate_model:
    input:
        model=MODEL_FILES,
        windows=of_corpus("windows.parquet"),
        markov=of_corpus("markov.safetensors"),
        bases=per_genome(f"{GENOME}/sequence/bases.npy"),
        contigs=per_genome(f"{GENOME}/sequence/contigs.tsv"),
        regions=per_genome(f"{GENOME}/regions.bed.gz"),
    output:
        metrics=f"{MODEL}/metrics.json",
    log:
        "<logs>/evaluate_model/{model}.log",
    benchmark:
        "<benchmarks>/evaluate_model/{model}.tsv"
    conda:
        TORCH
    threads: 4
    resources:
        mem_mb=mem_mb(16000),
        runtime=runtime(240),
        gpu=0,
    params:
        genomes=corpus_genomes,
        settings=inference(**study.config["evaluation"]),
        batch_size=batch_size,
        seed=study.config["seed"],
    script:
        "../scripts/evaluate_model.py"


rule compare_models:
    input:
        training=of_members("training.json"),
        metrics=of_members("metrics.json"),
    output:
        table=f"{SWEEP}/comparison.tsv",
        comparison=f"{SWEEP}/comparison.json",
    log:
        "<logs>/compare_models/{sweep}.log",
    benchmark:
        "<benchmarks>/compare_models/{sweep}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=mem_mb(2000),
        runtime=runtime(30),
    params:
        members=lambda wildcards: study.members(wildcards.sweep),
    script:
        "../scripts/compare_models.py"
