# A corpus: windows over a frozen list of genomes, made genome by genome, and the Markov baseline fitted on them.


rule fetch_intervals:
    input:
        source=if_local(intervals_source),
    output:
        bed=temp(f"{CORPUS}/source/{{intervals}}/{{genome}}.bed"),
        record=f"{CORPUS}/source/{{intervals}}/{{genome}}.json",
    log:
        "<logs>/fetch_intervals/{corpus}/{intervals}/{genome}.log",
    benchmark:
        "<benchmarks>/fetch_intervals/{corpus}/{intervals}/{genome}.tsv"
    localrule: True
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(1000),
        runtime=runtime(60),
    params:
        source=intervals_source,
        mirrors=mirrors,
    script:
        "../scripts/fetch_intervals.py"


rule make_windows:
    input:
        bases=rules.tokenize_genome.output.bases,
        contigs=rules.tokenize_genome.output.contigs,
        names=ancient(rules.name_contigs.output.names),
        annotation=window_annotation,
        include=window_intervals("include"),
        exclude=window_intervals("exclude"),
    output:
        windows=f"{CORPUS}/windows/{{genome}}.parquet",
    log:
        "<logs>/make_windows/{corpus}/{genome}.log",
    benchmark:
        "<benchmarks>/make_windows/{corpus}/{genome}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(4000),
        runtime=runtime(60),
    params:
        settings=lambda wildcards: study.window_settings(wildcards.corpus),
        seed=study.config["seed"],
    script:
        "../scripts/make_windows.py"


rule build_corpus:
    input:
        parts=per_genome(f"{CORPUS}/windows/{{genome}}.parquet"),
        genomes=per_genome(f"{GENOME}/genome.json"),
        bases=per_genome(f"{GENOME}/sequence/bases.npy"),
        contigs=per_genome(f"{GENOME}/sequence/contigs.tsv"),
    output:
        windows=f"{CORPUS}/windows.parquet",
        manifest=f"{CORPUS}/corpus.json",
    log:
        "<logs>/build_corpus/{corpus}.log",
    benchmark:
        "<benchmarks>/build_corpus/{corpus}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(8000, parts=20),
        runtime=runtime(240),
    params:
        settings=corpus_of,
        species=lambda wildcards: study.species(wildcards.corpus),
        seed=study.config["seed"],
    script:
        "../scripts/build_corpus.py"


rule fit_markov:
    input:
        windows=rules.build_corpus.output.windows,
        bases=per_genome(f"{GENOME}/sequence/bases.npy"),
        contigs=per_genome(f"{GENOME}/sequence/contigs.tsv"),
    output:
        markov=f"{CORPUS}/markov.safetensors",
    log:
        "<logs>/fit_markov/{corpus}.log",
    benchmark:
        "<benchmarks>/fit_markov/{corpus}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(8000),
        runtime=runtime(120, bases=0.1),
    params:
        genomes=corpus_genomes,
    script:
        "../scripts/fit_markov.py"


rule make_tokenizer:
    input:
        windows=of_corpus("windows.parquet"),
        bases=per_genome(f"{GENOME}/sequence/bases.npy"),
        contigs=per_genome(f"{GENOME}/sequence/contigs.tsv"),
    output:
        tokenizer=f"{TOKENIZER}/tokenizer.json",
        config=f"{TOKENIZER}/tokenizer_config.json",
        metrics=f"{TOKENIZER}/metrics.json",
    log:
        "<logs>/make_tokenizer/{tokenizer}.log",
    benchmark:
        "<benchmarks>/make_tokenizer/{tokenizer}.tsv"
    conda:
        TORCH
    threads: 4
    resources:
        mem_mb=mem_mb(8000),
        runtime=runtime(240),
    params:
        genomes=corpus_genomes,
        settings=lambda wildcards: study.tokenizers[wildcards.tokenizer],
        seed=study.config["seed"],
    script:
        "../scripts/make_tokenizer.py"
