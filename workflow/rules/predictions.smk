# Heads of tasks put to use: on windows of a genome, and on the alleles of variants.

ON_VARIANTS = [name for name, entry in study.predictions.items() if entry["variants"] is not None]
OF_GENES = [name for name, entry in study.predictions.items() if study.tasks[entry["task"]]["kind"] == "annotation"]
OF_BINS = [name for name, entry in study.predictions.items() if study.tasks[entry["task"]]["kind"] in DENSE]


rule predict_windows:
    input:
        model=MODEL_FILES,
        head=predicting_head("head.safetensors"),
        about=predicting_head("head.json"),
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        names=ancient(of_genome("names.tsv")),
        bed=prediction_file("bed"),
    output:
        table=f"{PREDICTION}/predictions.parquet",
        bed=f"{PREDICTION}/predictions.bed.gz",
        tbi=f"{PREDICTION}/predictions.bed.gz.tbi",
        tracks=directory(f"{PREDICTION}/tracks"),
        summary=f"{PREDICTION}/summary.json",
    log:
        "<logs>/predict_windows/{prediction}/{model}.log",
    benchmark:
        "<benchmarks>/predict_windows/{prediction}/{model}.tsv"
    wildcard_constraints:
        prediction=any_of(sorted(set(study.predictions) - set(ON_VARIANTS) - set(OF_BINS))),
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000),
        runtime=runtime(720),
        gpu=0,
    params:
        settings=lambda wildcards: inference(step=study.predictions[wildcards.prediction]["step"]),
        task=prediction_setting("task"),
        contigs=prediction_setting("contigs"),
        batch_size=batch_size,
    script:
        "../scripts/predict_windows.py"


rule predict_variants:
    input:
        model=MODEL_FILES,
        head=predicting_head("head.safetensors"),
        about=predicting_head("head.json"),
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        names=ancient(of_genome("names.tsv")),
        variants=prediction_file("variants"),
    output:
        vcf=f"{PREDICTION}/predictions.vcf.gz",
        tbi=f"{PREDICTION}/predictions.vcf.gz.tbi",
        table=f"{PREDICTION}/predictions.parquet",
        summary=f"{PREDICTION}/summary.json",
    log:
        "<logs>/predict_variants/{prediction}/{model}.log",
    benchmark:
        "<benchmarks>/predict_variants/{prediction}/{model}.tsv"
    wildcard_constraints:
        prediction=any_of(ON_VARIANTS),
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000, variants=20),
        runtime=runtime(720),
        gpu=0,
    params:
        settings=allele_settings,
        task=prediction_setting("task"),
        contigs=prediction_setting("contigs"),
        batch_size=batch_size,
    script:
        "../scripts/predict_variants.py"


rule annotate_genome:
    input:
        model=MODEL_FILES,
        head=predicting_head("head.safetensors"),
        about=predicting_head("head.json"),
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        names=ancient(of_genome("names.tsv")),
    output:
        genes=f"{PREDICTION}/genes.gff3.gz",
        genes_tbi=f"{PREDICTION}/genes.gff3.gz.tbi",
        bed=f"{PREDICTION}/predictions.bed.gz",
        tbi=f"{PREDICTION}/predictions.bed.gz.tbi",
        tracks=directory(f"{PREDICTION}/tracks"),
        summary=f"{PREDICTION}/summary.json",
    log:
        "<logs>/annotate_genome/{prediction}/{model}.log",
    benchmark:
        "<benchmarks>/annotate_genome/{prediction}/{model}.tsv"
    wildcard_constraints:
        prediction=any_of(OF_GENES),
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000),
        runtime=runtime(720),
        gpu=0,
    params:
        settings=lambda wildcards: inference(),
        task=prediction_setting("task"),
        contigs=prediction_setting("contigs"),
        batch_size=batch_size,
    script:
        "../scripts/annotate_genome.py"


rule predict_bins:
    input:
        model=MODEL_FILES,
        head=predicting_head("head.safetensors"),
        about=predicting_head("head.json"),
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        names=ancient(of_genome("names.tsv")),
    output:
        bed=f"{PREDICTION}/predictions.bed.gz",
        tbi=f"{PREDICTION}/predictions.bed.gz.tbi",
        tracks=directory(f"{PREDICTION}/tracks"),
        summary=f"{PREDICTION}/summary.json",
    log:
        "<logs>/predict_bins/{prediction}/{model}.log",
    benchmark:
        "<benchmarks>/predict_bins/{prediction}/{model}.tsv"
    wildcard_constraints:
        prediction=any_of(sorted(set(OF_BINS) - set(OF_GENES))),
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000),
        runtime=runtime(720),
        gpu=0,
    params:
        settings=lambda wildcards: inference(),
        task=prediction_setting("task"),
        contigs=prediction_setting("contigs"),
        batch_size=batch_size,
    script:
        "../scripts/predict_bins.py"
