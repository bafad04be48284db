# What a model says of substitutions at neutral sites, against which its scores of variants are set.


rule calibrate_scores:
    input:
        model=MODEL_FILES,
        bases=rules.tokenize_genome.output.bases,
        contigs=rules.tokenize_genome.output.contigs,
        names=ancient(rules.name_contigs.output.names),
        regions=neutral_regions,
    output:
        calibration=CALIBRATION,
    log:
        "<logs>/calibrate_scores/{genome}/{model}.log",
    benchmark:
        "<benchmarks>/calibrate_scores/{genome}/{model}.tsv"
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000),
        runtime=runtime(240),
        gpu=0,
    params:
        classes=neutral_classes,
        settings=neutral_settings,
        batch_size=batch_size,
        seed=study.config["seed"],
    script:
        "../scripts/calibrate_scores.py"
