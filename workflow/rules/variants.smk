# VCF in, VCF out: every record scored, and the scores judged by the consequences of the variants.


rule fetch_variants:
    input:
        source=if_local(variants_source),
    output:
        vcf=temp(f"{VARIANTS}/source/variants"),
        record=f"{VARIANTS}/source/variants.json",
    log:
        "<logs>/fetch_variants/{variants}.log",
    benchmark:
        "<benchmarks>/fetch_variants/{variants}.tsv"
    localrule: True
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(1000),
        runtime=runtime(240),
    params:
        source=variants_source,
        checksum=variants_checksum,
        mirrors=mirrors,
    script:
        "../scripts/fetch_variants.py"


rule split_variants:
    input:
        vcf=variants_vcf,
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        names=of_genome("names.tsv"),
    output:
        chunks=temp(expand(f"{VARIANTS}/chunks/{{chunk}}.vcf.gz", chunk=CHUNKS, allow_missing=True)),
        report=temp(f"{VARIANTS}/chunks/split.json"),
    log:
        "<logs>/split_variants/{variants}.log",
    benchmark:
        "<benchmarks>/split_variants/{variants}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(2000),
        runtime=runtime(120),
    params:
        contigs=lambda wildcards: study.contigs(wildcards.variants),
        max_mismatch=study.config["scoring"]["max_ref_mismatch"],
        origin=variants_origin,
    script:
        "../scripts/split_variants.py"


rule score_variants:
    input:
        vcf=f"{VARIANTS}/chunks/{{chunk}}.vcf.gz",
        model=MODEL_FILES,
        markov=of_corpus("markov.safetensors"),
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        names=of_genome("names.tsv"),
        calibration=calibration_of,
    output:
        vcf=temp(f"{VARIANTS}/chunks/{{model}}/{{chunk}}.vcf.gz"),
        scores=temp(f"{VARIANTS}/chunks/{{model}}/{{chunk}}.parquet"),
        summary=temp(f"{VARIANTS}/chunks/{{model}}/{{chunk}}.json"),
    log:
        "<logs>/score_variants/{variants}/{model}/{chunk}.log",
    benchmark:
        "<benchmarks>/score_variants/{variants}/{model}/{chunk}.tsv"
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000, vcf=20),
        runtime=runtime(720),
        gpu=0,
    params:
        settings=inference(**study.scoring_settings()),
        batch_size=batch_size,
    script:
        "../scripts/score_variants.py"


rule gather_variants:
    input:
        vcfs=of_chunks("vcf.gz"),
        scores=of_chunks("parquet"),
        summaries=of_chunks("json"),
        report=rules.split_variants.output.report,
        # not read: kept until all are scored, since each task of a Slurm array waits for the files of the first one
        parts=expand(f"{VARIANTS}/chunks/{{chunk}}.vcf.gz", chunk=CHUNKS, allow_missing=True),
    output:
        vcf=f"{VARIANTS}/{{model}}.vcf.gz",
        tbi=f"{VARIANTS}/{{model}}.vcf.gz.tbi",
        scores=f"{VARIANTS}/{{model}}.scores.parquet",
        summary=f"{VARIANTS}/{{model}}.summary.json",
    log:
        "<logs>/gather_variants/{variants}/{model}.log",
    benchmark:
        "<benchmarks>/gather_variants/{variants}/{model}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(2000),
        runtime=runtime(120),
    script:
        "../scripts/gather_variants.py"


rule fetch_evidence:
    output:
        file=temp(f"{VARIANTS}/source/{{evidence}}"),
        record=f"{VARIANTS}/source/{{evidence}}.json",
    log:
        "<logs>/fetch_evidence/{variants}/{evidence}.log",
    benchmark:
        "<benchmarks>/fetch_evidence/{variants}/{evidence}.tsv"
    localrule: True
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(1000),
        runtime=runtime(720),
    params:
        source=evidence_source,
        mirrors=mirrors,
    script:
        "../scripts/fetch_evidence.py"


rule evaluate_variants:
    input:
        scores=rules.gather_variants.output.scores,
        vcf=rules.gather_variants.output.vcf,
        labels=evidence_file("labels"),
        conservation=evidence_file("conservation"),
        annotation=annotation_of,
        regions=of_genome("regions.bed.gz"),
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        names=of_genome("names.tsv"),
    output:
        labelled=f"{VARIANTS}/{{model}}.labelled.parquet",
        metrics=f"{VARIANTS}/{{model}}.metrics.json",
        report=f"{VARIANTS}/{{model}}.evaluation.json",
    log:
        "<logs>/evaluate_variants/{variants}/{model}.log",
    benchmark:
        "<benchmarks>/evaluate_variants/{variants}/{model}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=mem_mb(8000, scores=20),
        runtime=runtime(120),
    params:
        contigs=lambda wildcards: study.contigs(wildcards.variants),
        judgement=lambda wildcards: study.judgement(wildcards.variants),
        seed=study.config["seed"],
    script:
        "../scripts/evaluate_variants.py"
