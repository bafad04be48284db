# From a FASTA and an annotation as published to one indexed, tokenized, classified genome.


rule fetch_genome:
    input:
        source=source_file("genomes", "fasta"),
    output:
        fasta=temp(f"{GENOME}/source/genome"),
    log:
        "<logs>/fetch_genome/{genome}.log",
    localrule: True
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(1000),
        runtime=240,
    params:
        source=source_url("genomes", "fasta"),
        checksum=checksum("genomes", "fasta_checksum"),
        mirrors=mirrors,
    script:
        "../scripts/fetch_genome.py"


rule fetch_annotation:
    input:
        source=source_file("genomes", "annotation"),
    output:
        annotation=temp(f"{GENOME}/source/annotation"),
    log:
        "<logs>/fetch_annotation/{genome}.log",
    localrule: True
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(1000),
        runtime=240,
    params:
        source=source_url("genomes", "annotation"),
        checksum=checksum("genomes", "annotation_checksum"),
        mirrors=mirrors,
    script:
        "../scripts/fetch_annotation.py"


rule normalise_genome:
    input:
        fasta=rules.fetch_genome.output.fasta,
    output:
        fasta=f"{GENOME}/genome.fa.gz",
        fai=f"{GENOME}/genome.fa.gz.fai",
        gzi=f"{GENOME}/genome.fa.gz.gzi",
        report=f"{GENOME}/genome.json",
    log:
        "<logs>/normalise_genome/{genome}.log",
    benchmark:
        "<benchmarks>/normalise_genome/{genome}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(2000),
        runtime=120,
    params:
        origin=source_url("genomes", "fasta"),
    script:
        "../scripts/normalise_genome.py"


rule tokenize_genome:
    input:
        fasta=rules.normalise_genome.output.fasta,
        fai=rules.normalise_genome.output.fai,
        gzi=rules.normalise_genome.output.gzi,
    output:
        bases=f"{GENOME}/sequence/bases.npy",
        contigs=f"{GENOME}/sequence/contigs.tsv",
    log:
        "<logs>/tokenize_genome/{genome}.log",
    benchmark:
        "<benchmarks>/tokenize_genome/{genome}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(2000),
        runtime=60,
    script:
        "../scripts/tokenize_genome.py"


rule normalise_annotation:
    input:
        annotation=rules.fetch_annotation.output.annotation,
        contigs=rules.tokenize_genome.output.contigs,
    output:
        gff=f"{GENOME}/annotation.gff3.gz",
        tbi=f"{GENOME}/annotation.gff3.gz.tbi",
        report=f"{GENOME}/annotation.json",
    log:
        "<logs>/normalise_annotation/{genome}.log",
    benchmark:
        "<benchmarks>/normalise_annotation/{genome}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(8000),
        runtime=60,
    params:
        origin=source_url("genomes", "annotation"),
    script:
        "../scripts/normalise_annotation.py"


rule classify_regions:
    input:
        annotation=annotation_of,
        contigs=rules.tokenize_genome.output.contigs,
    output:
        bed=f"{GENOME}/regions.bed.gz",
        tbi=f"{GENOME}/regions.bed.gz.tbi",
    log:
        "<logs>/classify_regions/{genome}.log",
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(8000),
        runtime=60,
    params:
        promoter_upstream=study.config["regions"]["promoter_upstream"],
    script:
        "../scripts/classify_regions.py"


rule derive_consequences:
    input:
        annotation=rules.normalise_annotation.output.gff,
        fasta=rules.normalise_genome.output.fasta,
        bases=rules.tokenize_genome.output.bases,
        contigs=rules.tokenize_genome.output.contigs,
    output:
        vcf=f"{GENOME}/consequences.vcf.gz",
        tbi=f"{GENOME}/consequences.vcf.gz.tbi",
    log:
        "<logs>/derive_consequences/{genome}.log",
    benchmark:
        "<benchmarks>/derive_consequences/{genome}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(8000),
        runtime=120,
    params:
        contigs=lambda wildcards: study.consequence_contigs(wildcards.genome),
        max_per_class=study.config["consequences"]["max_per_class"],
        seed=study.config["seed"],
    script:
        "../scripts/derive_consequences.py"
