# From a FASTA and an annotation as published to one indexed, tokenized, classified genome.


rule fetch_source:
    input:
        source=if_local(genome_source),
    output:
        file=temp(f"{GENOME}/source/{{source}}"),
        record=f"{GENOME}/source/{{source}}.json",
    log:
        "<logs>/fetch_source/{genome}/{source}.log",
    benchmark:
        "<benchmarks>/fetch_source/{genome}/{source}.tsv"
    localrule: True
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(1000),
        runtime=runtime(240),
    params:
        source=genome_source,
        checksum=genome_checksum,
        mirrors=mirrors,
    script:
        "../scripts/fetch_source.py"


rule derive_haplotype:
    input:
        fasta=of_reference("genome.fa.gz"),
        fai=of_reference("genome.fa.gz.fai"),
        gzi=of_reference("genome.fa.gz.gzi"),
        names=of_reference("names.tsv"),
        vcf=genotypes_of,
    output:
        fasta=temp(f"{GENOME}/source/derived.fa"),
        chain=f"{GENOME}/to_reference.chain",
        report=f"{GENOME}/haplotype.json",
    log:
        "<logs>/derive_haplotype/{genome}.log",
    benchmark:
        "<benchmarks>/derive_haplotype/{genome}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(4000),
        runtime=runtime(120),
    params:
        sample=genome_setting("sample"),
        haplotype=genome_setting("haplotype"),
        origin=genome_setting("haplotype_vcf"),
    script:
        "../scripts/derive_haplotype.py"


rule normalise_genome:
    input:
        fasta=sequence_source,
        repeats=repeats_of,
        aliases=aliases_of_repeats,
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
        runtime=runtime(120),
    params:
        cleaning=lambda wildcards: study.cleaning(wildcards.genome),
        origin=sequence_origin,
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
        runtime=runtime(60),
    script:
        "../scripts/tokenize_genome.py"


rule name_contigs:
    input:
        report=rules.normalise_genome.output.report,
        aliases=aliases_of,
    output:
        names=f"{GENOME}/names.tsv",
    log:
        "<logs>/name_contigs/{genome}.log",
    benchmark:
        "<benchmarks>/name_contigs/{genome}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(1000),
        runtime=runtime(30),
    script:
        "../scripts/name_contigs.py"


rule lift_annotation:
    input:
        gff=of_reference("annotation.gff3.gz"),
        chain=rules.derive_haplotype.output.chain,
    output:
        gff=temp(f"{GENOME}/source/lifted.gff3"),
        report=f"{GENOME}/lifted.json",
    log:
        "<logs>/lift_annotation/{genome}.log",
    benchmark:
        "<benchmarks>/lift_annotation/{genome}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(8000),
        runtime=runtime(60),
    script:
        "../scripts/lift_annotation.py"


# More names for contigs do not change an annotation that was read without them, so `names` is never a reason to read
# it again.
rule normalise_annotation:
    input:
        annotation=annotation_source,
        contigs=rules.tokenize_genome.output.contigs,
        names=ancient(rules.name_contigs.output.names),
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
        mem_mb=mem_mb(8000, annotation=10),
        runtime=runtime(60),
    params:
        origin=annotation_origin,
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
    benchmark:
        "<benchmarks>/classify_regions/{genome}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(8000, annotation=100),
        runtime=runtime(60),
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
        mem_mb=mem_mb(8000, annotation=100),
        runtime=runtime(120, annotation=5),
    params:
        contigs=lambda wildcards: study.consequence_contigs(wildcards.genome),
        max_per_class=study.config["consequences"]["max_per_class"],
        seed=study.config["seed"],
    script:
        "../scripts/derive_consequences.py"
