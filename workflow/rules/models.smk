# Pretraining, and the measure of a model on windows it never saw.


rule pretrain_model:
    input:
        windows=of_corpus("windows.parquet"),
        manifest=of_corpus("corpus.json"),
        bases=per_genome(f"{GENOME}/sequence/bases.npy"),
        contigs=per_genome(f"{GENOME}/sequence/contigs.tsv"),
        init_from=initial_model,
    output:
        config=f"{MODEL}/config.json",
        weights=f"{MODEL}/model.safetensors",
        tokenizer=f"{MODEL}/tokenizer.json",
        tokenizer_config=f"{MODEL}/tokenizer_config.json",
        code=f"{MODEL}/modeling_genoglot.py",
        curves=f"{MODEL}/curves.tsv",
        report=f"{MODEL}/training.json",
    log:
        "<logs>/pretrain_model/{model}.log",
    benchmark:
        "<benchmarks>/pretrain_model/{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 8
    resources:
        mem_mb=mem_mb(16000),
        runtime=1440,
        gpu=0,
    params:
        genomes=corpus_genomes,
        architecture=model_setting("architecture"),
        training=model_setting("training"),
        seed=study.config["seed"],
        state=training_state,
    script:
        "../scripts/pretrain_model.py"


rule evaluate_model:
    input:
        model=MODEL_FILES,
        windows=of_corpus("windows.parquet"),
        markov=of_corpus("markov.safetensors"),
        bases=per_genome(f"{GENOME}/sequence/bases.npy"),
        contigs=per_genome(f"{GENOME}/sequence/contigs.tsv"),
        regions=per_genome(f"{GENOME}/regions.bed.gz"),
        training=rules.pretrain_model.output.report,
    output:
        metrics=f"{MODEL}/metrics.json",
    log:
        "<logs>/evaluate_model/{model}.log",
    benchmark:
        "<benchmarks>/evaluate_model/{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 4
    resources:
        mem_mb=mem_mb(16000),
        runtime=240,
        gpu=0,
    params:
        genomes=corpus_genomes,
        settings=inference(**study.config["evaluation"]),
        batch_size=batch_size,
        seed=study.config["seed"],
    script:
        "../scripts/evaluate_model.py"
