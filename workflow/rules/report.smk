# The page a person opens, and the figures that `snakemake --report` collects, each as PNG and SVG.

# where jobs note what they took
BENCHMARKS = str(Path(rules.build_corpus.benchmark).parents[1])


rule plot_curves:
    input:
        curves=f"{MODEL}/curves.tsv",
        metrics=f"{MODEL}/metrics.json",
    output:
        svg=report(
            f"{MODEL}/curves.svg",
            caption="../report/curves.rst",
            category="Models",
            labels={"model": "{model}", "figure": "training curve"},
        ),
        png=f"{MODEL}/curves.png",
    log:
        "<logs>/plot_curves/{model}.log",
    benchmark:
        "<benchmarks>/plot_curves/{model}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=mem_mb(2000),
        runtime=runtime(30),
    params:
        # for the caption
        corpus=corpus_name,
    script:
        "../scripts/plot_curves.py"


rule plot_comparison:
    input:
        comparison=f"{SWEEP}/comparison.json",
    output:
        svg=report(
            f"{SWEEP}/comparison.svg",
            caption="../report/comparison.rst",
            category="Sweeps",
            labels={"sweep": "{sweep}", "figure": "loss against compute"},
        ),
        png=f"{SWEEP}/comparison.png",
    log:
        "<logs>/plot_comparison/{sweep}.log",
    benchmark:
        "<benchmarks>/plot_comparison/{sweep}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=mem_mb(2000),
        runtime=runtime(30),
    script:
        "../scripts/plot_comparison.py"


rule plot_umap:
    input:
        umap=f"{EMBEDDINGS}/umap.parquet",
        metrics=f"{EMBEDDINGS}/metrics.json",
    output:
        png=report(
            f"{EMBEDDINGS}/umap.png",
            caption="../report/umap.rst",
            category="Embeddings",
            labels={"genome": "{genome}", "model": "{model}", "figure": "UMAP of windows"},
        ),
        svg=f"{EMBEDDINGS}/umap.svg",
    log:
        "<logs>/plot_umap/{genome}/{model}.log",
    benchmark:
        "<benchmarks>/plot_umap/{genome}/{model}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=mem_mb(4000),
        runtime=runtime(30),
    script:
        "../scripts/plot_umap.py"


rule plot_auroc:
    input:
        metrics=f"{VARIANTS}/{{model}}.metrics.json",
    output:
        svg=report(
            f"{VARIANTS}/{{model}}.auroc.svg",
            caption="../report/auroc.rst",
            category="Variants",
            labels={"variants": "{variants}", "model": "{model}", "figure": "AUROC"},
        ),
        png=f"{VARIANTS}/{{model}}.auroc.png",
    log:
        "<logs>/plot_auroc/{variants}/{model}.log",
    benchmark:
        "<benchmarks>/plot_auroc/{variants}/{model}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=mem_mb(2000),
        runtime=runtime(30),
    script:
        "../scripts/plot_auroc.py"


rule plot_task:
    input:
        metrics=f"{TASK}/metrics.json",
    output:
        roc_svg=report(
            f"{TASK}/roc.svg",
            caption="../report/roc.rst",
            category="Tasks",
            labels={"task": "{task}", "model": "{model}", "figure": "ROC curves"},
        ),
        roc_png=f"{TASK}/roc.png",
        few_shot_svg=report(
            f"{TASK}/few_shot.svg",
            caption="../report/few_shot.rst",
            category="Tasks",
            labels={"task": "{task}", "model": "{model}", "figure": "few labels"},
        ),
        few_shot_png=f"{TASK}/few_shot.png",
    log:
        "<logs>/plot_task/{task}/{model}.log",
    benchmark:
        "<benchmarks>/plot_task/{task}/{model}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=mem_mb(2000),
        runtime=runtime(30),
    script:
        "../scripts/plot_task.py"


rule write_report:
    input:
        **REPORTED,
    output:
        html="<results>/report.html",
    log:
        "<logs>/write_report.log",
    benchmark:
        "<benchmarks>/write_report.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=mem_mb(8000),
        runtime=runtime(60),
    params:
        title=study.config["report"]["title"],
        config=study.shown,
        manifest=report_manifest,
        benchmarks=benchmark_folder,
    script:
        "../scripts/write_report.py"
