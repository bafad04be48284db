# What the model makes of each window of a genome, and whether that tells region classes apart.


# a chunk of the windows of a genome
EMBEDDED_CHUNK = f"{EMBEDDINGS}/chunks/{{chunk}}.parquet"


rule embed_windows:
    input:
        model=MODEL_FILES,
        bases=rules.tokenize_genome.output.bases,
        contigs=rules.tokenize_genome.output.contigs,
        regions=rules.classify_regions.output.bed,
        bed=embedded_bed,
        names=names_for_bed,
    output:
        embeddings=temp(EMBEDDED_CHUNK),
    log:
        "<logs>/embed_windows/{genome}/{model}/{chunk}.log",
    benchmark:
        "<benchmarks>/embed_windows/{genome}/{model}/{chunk}.tsv"
    conda:
        TORCH
    threads: 4
    resources:
        mem_mb=mem_mb(8000, bases=4),
        runtime=runtime(240, bases=0.3),
        gpu=0,
    params:
        settings=inference(**study.embedding_settings()),
        contigs=embedded_contigs,
        batch_size=batch_size,
        seed=study.config["seed"],
    script:
        "../scripts/embed_windows.py"


rule gather_embeddings:
    input:
        chunks=expand(
            EMBEDDED_CHUNK,
            chunk=chunks_of(study.config["embeddings"]["chunks"]),
            allow_missing=True,
        ),
    output:
        embeddings=f"{EMBEDDINGS}/embeddings.parquet",
    log:
        "<logs>/gather_embeddings/{genome}/{model}.log",
    benchmark:
        "<benchmarks>/gather_embeddings/{genome}/{model}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=mem_mb(4000),
        runtime=runtime(60, chunks=0.02),
    script:
        "../scripts/gather_embeddings.py"


rule analyse_embeddings:
    input:
        embeddings=rules.gather_embeddings.output.embeddings,
        bases=rules.tokenize_genome.output.bases,
        contigs=rules.tokenize_genome.output.contigs,
    output:
        umap=f"{EMBEDDINGS}/umap.parquet",
        metrics=f"{EMBEDDINGS}/metrics.json",
        neighbours=f"{EMBEDDINGS}/neighbours.parquet",
    log:
        "<logs>/analyse_embeddings/{genome}/{model}.log",
    benchmark:
        "<benchmarks>/analyse_embeddings/{genome}/{model}.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 4
    resources:
        mem_mb=mem_mb(16000, embeddings=6),
        runtime=runtime(240, embeddings=0.1),
    params:
        max_points=study.config["embeddings"]["max_points"],
        neighbours=study.config["embeddings"]["neighbours"],
        min_dist=study.config["embeddings"]["min_dist"],
        seed=study.config["seed"],
    script:
        "../scripts/analyse_embeddings.py"
