# What is made by default, and what the report shows of it.

ANNOTATED = [genome for genome in study.genomes if study.annotated(genome)]
DERIVED = [genome for genome in study.genomes if study.derived(genome)]
EMBEDDED = study.embeddings()
FINETUNED = study.task_runs()
SCORED = study.scorings()


def per_pair(pattern, first, second, pairs):
    """A file of each pair, `first` and `second` being the wildcards that the two stand for."""
    return [pattern.format(**{first: one, second: other}) for one, other in pairs]


GENOME_FILES = [
    *expand(f"{GENOME}/genome.fa.gz", genome=study.genomes),
    *expand(f"{GENOME}/sequence/bases.npy", genome=study.genomes),
    *expand(f"{GENOME}/regions.bed.gz", genome=study.genomes),
    *expand(f"{GENOME}/annotation.gff3.gz", genome=ANNOTATED),
    *expand(f"{GENOME}/names.tsv", genome=study.genomes),
]

TOKENIZERS = expand(f"{TOKENIZER}/metrics.json", tokenizer=study.tokenizers)

COMPARISONS = expand(f"{SWEEP}/comparison.tsv", sweep=study.sweeps)

SCANNED = study.scan_runs()
INTERPRETED = study.interpretation_runs()
PREDICTED = study.prediction_runs()
# uses that have a row for each window or allele, and not tracks and stretches alone
TABLED = [run for run in PREDICTED if study.tasks[study.predictions[run[0]]["task"]]["kind"] not in DENSE]
EXPORTED = per_pair(f"{HUGGINGFACE}/config.json", "task", "model", study.exported_heads())
HUBS = per_pair(f"{INTERPRETATION}/hub/hub.txt", "loci", "model", INTERPRETED)
CALIBRATIONS = per_pair(CALIBRATION, "genome", "model", study.calibrations())

# an SVG lies beside each
DRAWN = {
    "curve_figures": expand(f"{MODEL}/curves.png", model=study.trained),
    "sweep_figures": expand(f"{SWEEP}/comparison.png", sweep=study.sweeps),
    "map_figures": per_pair(f"{EMBEDDINGS}/umap.png", "genome", "model", EMBEDDED),
    "auroc_figures": per_pair(f"{VARIANTS}/{{model}}.auroc.png", "variants", "model", SCORED),
    "roc_figures": per_pair(f"{TASK}/roc.png", "task", "model", FINETUNED),
    "few_shot_figures": per_pair(f"{TASK}/few_shot.png", "task", "model", FINETUNED),
}
FIGURES = [
    *(figure for figures in DRAWN.values() for figure in figures),
    *per_pair(f"{INTERPRETATION}/figures", "loci", "model", INTERPRETED),
]

# what the report shows; everything else that is made by default is made on the way
REPORTED = {
    "genomes": expand(f"{GENOME}/genome.json", genome=study.genomes),
    "annotations": expand(f"{GENOME}/annotation.json", genome=ANNOTATED),
    "haplotypes": expand(f"{GENOME}/haplotype.json", genome=DERIVED),
    "corpora": expand(f"{CORPUS}/corpus.json", corpus=study.corpora),
    "configs": expand(f"{MODEL}/config.json", model=study.models),
    "curves": expand(f"{MODEL}/curves.tsv", model=study.trained),
    "sweeps": expand(f"{SWEEP}/comparison.json", sweep=study.sweeps),
    "metrics": expand(f"{MODEL}/metrics.json", model=study.models),
    "umaps": per_pair(f"{EMBEDDINGS}/umap.parquet", "genome", "model", EMBEDDED),
    "embeddings": per_pair(f"{EMBEDDINGS}/metrics.json", "genome", "model", EMBEDDED),
    "tasks": per_pair(f"{TASK}/metrics.json", "task", "model", FINETUNED),
    "summaries_of_predictions": per_pair(f"{PREDICTION}/summary.json", "prediction", "model", PREDICTED),
    "predictions": per_pair(f"{PREDICTION}/predictions.parquet", "prediction", "model", TABLED),
    "vcfs": per_pair(f"{VARIANTS}/{{model}}.vcf.gz", "variants", "model", SCORED),
    "summaries": per_pair(f"{VARIANTS}/{{model}}.summary.json", "variants", "model", SCORED),
    "labelled": per_pair(f"{VARIANTS}/{{model}}.labelled.parquet", "variants", "model", SCORED),
    "comparisons": per_pair(f"{VARIANTS}/{{model}}.metrics.json", "variants", "model", SCORED),
    "scans": per_pair(f"{SCAN}/{{model}}.summary.json", "scan", "model", SCANNED),
    "loci": per_pair(f"{INTERPRETATION}/loci.json", "loci", "model", INTERPRETED),
    "pictures": per_pair(f"{INTERPRETATION}/figures.json", "loci", "model", INTERPRETED),
    "evaluations": per_pair(f"{VARIANTS}/{{model}}.evaluation.json", "variants", "model", SCORED),
    **DRAWN,
}


def stills(png, name=""):
    """The two pictures of a figure, as entries of the manifest whose keys begin with `name`."""
    return {f"{name}png": png, f"{name}svg": str(Path(png).with_suffix(".svg"))}


def report_manifest(wildcards, input, output):
    """What `write_report` is to show: names, and the files of each as they are found under the path variables."""
    annotations = dict(zip(ANNOTATED, input.annotations))
    haplotypes = dict(zip(DERIVED, input.haplotypes))
    curves = dict(zip(study.trained, input.curves))
    drawn = dict(zip(study.trained, input.curve_figures))
    predicted = dict(zip(TABLED, input.predictions))
    return {
        "title": study.config["report"]["title"],
        "browser_url": study.config["report"]["browser_url"],
        "config": study.shown,
        "genomes": [
            {
                "name": name,
                "genome_json": file,
                "annotation_json": annotations.get(name),
                "haplotype_json": haplotypes.get(name),
            }
            for name, file in zip(study.genomes, input.genomes)
        ],
        "corpora": [{"name": name, "corpus_json": file} for name, file in zip(study.corpora, input.corpora)],
        "models": [
            {
                "name": name,
                "corpus": study.models[name]["corpus"],
                "pretrained": study.models[name]["pretrained"],
                "metrics": metrics,
                "curves": curves.get(name),
                "config": file,
                **(stills(drawn[name]) if name in drawn else {}),
            }
            for name, metrics, file in zip(study.models, input.metrics, input.configs)
        ],
        "sweeps": [
            {"name": name, "comparison": file, **stills(figure)}
            for name, file, figure in zip(study.sweeps, input.sweeps, input.sweep_figures)
        ],
        "embeddings": [
            {"genome": genome, "model": model, "umap": umap, "metrics": metrics, **stills(figure)}
            for (genome, model), umap, metrics, figure in zip(
                EMBEDDED, input.umaps, input.embeddings, input.map_figures
            )
        ],
        "tasks": [
            {
                "task": task,
                "model": model,
                "metrics": metrics,
                **stills(roc, "roc_"),
                **(stills(few_shot, "few_shot_") if study.tasks[task]["few_shot"] else {}),
            }
            for (task, model), metrics, roc, few_shot in zip(
                FINETUNED, input.tasks, input.roc_figures, input.few_shot_figures
            )
        ],
        "predictions": [
            {"name": name, "model": model, "summary": summary, "predicted": predicted.get((name, model))}
            for (name, model), summary in zip(PREDICTED, input.summaries_of_predictions)
        ],
        "variants": [
            {
                "name": name,
                "genome": study.variants[name]["genome"],
                "model": model,
                "vcf": vcf,
                "summary": summary,
                "metrics": metrics,
                "labelled": labelled,
                "evaluation": evaluation,
                **stills(figure),
            }
            for (name, model), vcf, summary, metrics, labelled, evaluation, figure in zip(
                SCORED,
                input.vcfs,
                input.summaries,
                input.comparisons,
                input.labelled,
                input.evaluations,
                input.auroc_figures,
            )
        ],
        "scans": [
            {"name": name, "model": model, "summary": summary} for (name, model), summary in zip(SCANNED, input.scans)
        ],
        "interpretation": [
            {"name": name, "model": model, "summary": summary, "pictures": pictures}
            for (name, model), summary, pictures in zip(INTERPRETED, input.loci, input.pictures)
        ],
    }
