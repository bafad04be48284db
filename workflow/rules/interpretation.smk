# A model at loci: its predictions as tables, tracks and logos, dependency maps, in-silico mutagenesis.


rule interpret_loci:
    input:
        model=MODEL_FILES,
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        names=ancient(of_genome("names.tsv")),
        bed=loci_file("bed"),
        variants=loci_file("variants"),
    output:
        sites=f"{INTERPRETATION}/sites.parquet",
        dependencies=f"{INTERPRETATION}/dependencies.parquet",
        attention=f"{INTERPRETATION}/attention.parquet",
        summary=f"{INTERPRETATION}/loci.json",
    log:
        "<logs>/interpret_loci/{loci}/{model}.log",
    benchmark:
        "<benchmarks>/interpret_loci/{loci}/{model}.tsv"
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000),
        runtime=runtime(720),
        gpu=0,
    params:
        settings=loci_settings,
        batch_size=batch_size,
    script:
        "../scripts/interpret_loci.py"


rule attribute_loci:
    input:
        model=MODEL_FILES,
        head=f"{TASK}/head.safetensors",
        about=f"{TASK}/head.json",
        bases=of_genome("sequence/bases.npy"),
        contigs=of_genome("sequence/contigs.tsv"),
        names=ancient(of_genome("names.tsv")),
        bed=loci_file("bed"),
        variants=loci_file("variants"),
    output:
        attributions=f"{INTERPRETATION}/attributions/{{task}}.parquet",
    log:
        "<logs>/attribute_loci/{loci}/{model}/{task}.log",
    benchmark:
        "<benchmarks>/attribute_loci/{loci}/{model}/{task}.tsv"
    conda:
        TORCH
    threads: 8
    resources:
        mem_mb=mem_mb(16000),
        runtime=runtime(480),
        gpu=0,
    params:
        settings=attribution_settings,
        batch_size=batch_size,
        seed=study.config["seed"],
    script:
        "../scripts/attribute_loci.py"


rule write_hub:
    input:
        sites=rules.interpret_loci.output.sites,
        contigs=of_genome("sequence/contigs.tsv"),
    output:
        hub=f"{INTERPRETATION}/hub/hub.txt",
        genomes=f"{INTERPRETATION}/hub/genomes.txt",
        tracks=f"{INTERPRETATION}/hub/trackDb.txt",
        bigwigs=expand(f"{INTERPRETATION}/hub/{{base}}.bw", base=list("ACGT"), allow_missing=True),
    log:
        "<logs>/write_hub/{loci}/{model}.log",
    benchmark:
        "<benchmarks>/write_hub/{loci}/{model}.tsv"
    conda:
        "../../envs/genomics.yaml"
    resources:
        mem_mb=mem_mb(4000),
        runtime=runtime(60),
    params:
        assembly=hub_genome,
    script:
        "../scripts/write_hub.py"


rule draw_loci:
    input:
        sites=rules.interpret_loci.output.sites,
        dependencies=rules.interpret_loci.output.dependencies,
        attention=rules.interpret_loci.output.attention,
        summary=rules.interpret_loci.output.summary,
        attributions=loci_attributions,
    output:
        figures=report(
            directory(f"{INTERPRETATION}/figures"),
            patterns=["{figure}.png"],
            caption="../report/interpretation.rst",
            category="Interpretation",
            subcategory="{loci}",
            labels={"model": "{model}", "figure": "{figure}"},
        ),
        # a folder's time is all that Snakemake knows of it, so the report reads this
        pictures=f"{INTERPRETATION}/figures.json",
    log:
        "<logs>/draw_loci/{loci}/{model}.log",
    benchmark:
        "<benchmarks>/draw_loci/{loci}/{model}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=mem_mb(4000),
        runtime=runtime(60),
    params:
        tasks=lambda wildcards: study.interpretation[wildcards.loci]["tasks"],
    script:
        "../scripts/draw_loci.py"
