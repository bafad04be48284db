# All possible single-nucleotide variants of a genome or of regions of it: scored in parts, gathered in order.


rule scan_sites:
    input:
        model=MODEL_FILES,
        markov=of_corpus("markov.safetensors"),
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        names=ancient(of_genome("names.tsv")),
        bed=scan_bed,
    output:
        sites=temp(f"{SCAN}/chunks/{{model}}/{{chunk}}-of-{{chunks}}.parquet"),
    log:
        "<logs>/scan_sites/{scan}/{model}/{chunk}-of-{chunks}.log",
    benchmark:
        "<benchmarks>/scan_sites/{scan}/{model}/{chunk}-of-{chunks}.tsv"
    wildcard_constraints:
        chunk=r"[1-9]\d*",
        chunks=r"[1-9]\d*",
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000),
        runtime=runtime(1440),
        gpu=0,
    params:
        contigs=scan_setting("contigs"),
        settings=lambda wildcards: inference(mode=study.scans[wildcards.scan]["mode"]),
        batch_size=batch_size,
    script:
        "../scripts/scan_sites.py"


rule gather_scan:
    input:
        chunks=scan_chunks,
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        names=ancient(of_genome("names.tsv")),
        regions=of_genome("regions.bed.gz"),
        bed=scan_bed,
    output:
        table=f"{SCAN}/{{model}}.parquet",
        highest=f"{SCAN}/{{model}}.max.bw",
        mean=f"{SCAN}/{{model}}.mean.bw",
        summary=f"{SCAN}/{{model}}.summary.json",
    log:
        "<logs>/gather_scan/{scan}/{model}.log",
    benchmark:
        "<benchmarks>/gather_scan/{scan}/{model}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(4000),
        runtime=runtime(720),
    params:
        contigs=scan_setting("contigs"),
        mode=scan_setting("mode"),
    script:
        "../scripts/gather_scan.py"
