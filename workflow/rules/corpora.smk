# A corpus: windows over a frozen list of genomes, made genome by genome, and the Markov baseline fitted on them.


rule make_windows:
    input:
        bases=rules.tokenize_genome.output.bases,
        contigs=rules.tokenize_genome.output.contigs,
    output:
        windows=f"{CORPUS}/windows/{{genome}}.parquet",
    log:
        "<logs>/make_windows/{corpus}/{genome}.log",
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(4000),
        runtime=60,
    params:
        settings=corpus_of,
    script:
        "../scripts/make_windows.py"


rule build_corpus:
    input:
        parts=per_genome(f"{CORPUS}/windows/{{genome}}.parquet"),
        genomes=per_genome(f"{GENOME}/genome.json"),
    output:
        windows=f"{CORPUS}/windows.parquet",
        manifest=f"{CORPUS}/corpus.json",
    log:
        "<logs>/build_corpus/{corpus}.log",
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(8000),
        runtime=60,
    params:
        settings=corpus_of,
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
        runtime=120,
    params:
        genomes=corpus_genomes,
        seed=study.config["seed"],
    script:
        "../scripts/fit_markov.py"
