# Input and param functions of tasks, of the heads that they train, and of what these are put to.


def of_task(wildcards):
    """Settings of the wildcards' task, with all that follows from what it does not say."""
    return study.task_settings(wildcards.task)


def task_tables(wildcards):
    """Input function: the tables of a task's labelled sequences, if it has any."""
    tables = of_task(wildcards)["sequences"] or {}
    return [local_file(path) for path in tables.values() if path is not None]


def task_bed(wildcards):
    """Input function: the BED of a task's labelled intervals, if it has one."""
    bed = of_task(wildcards)["bed"]
    return [] if bed is None else local_file(bed)


def task_variants(wildcards):
    """Input function: the labelled variants of a task, if it has any."""
    variants = of_task(wildcards)["variants"]
    return [] if variants is None else local_file(variants)


def task_tracks(wildcards):
    """Input function: the files of a task's tracks or peaks, if it has any."""
    return [local_file(path) for path in (of_task(wildcards)["tracks"] or {}).values()]


def task_genome(name):
    """Input function: a file of the genome on which a task's examples lie, if they do."""
    return lambda wildcards: [] if genome_of(wildcards) is None else of_genome(name)(wildcards)


def task_names(wildcards):
    """Input function: the names by which a task's files and settings may call contigs, where it reads any."""
    task = of_task(wildcards)
    named = task["bed"] or task["variants"] or task["kind"] in DENSE
    return ancient(of_genome("names.tsv")(wildcards)) if named else []


def task_regions(wildcards):
    """Input function: the region classes that a task tells apart, if it is about these."""
    return of_genome("regions.bed.gz")(wildcards) if of_task(wildcards)["kind"] == "region_class" else []


def task_annotation(wildcards):
    """Input function: the annotation from which a task takes what each base is, if it does."""
    return of_genome("annotation.gff3.gz")(wildcards) if of_task(wildcards)["kind"] == "annotation" else []


def example_settings(wildcards):
    """What of a task's settings decides on its examples."""
    return study.example_settings(wildcards.task)


def training_settings(wildcards):
    """What of a task's settings decides on how it is learnt."""
    return inference(**study.task_training(wildcards.task))


def floor_settings(wildcards):
    """What of a task's settings decides on its floors."""
    return inference(**study.task_floors(wildcards.task))


def task_runs(wildcards):
    """Input function: the folders of a task's trainings, by their `run.json`."""
    numbers = range(1, of_task(wildcards)["seeds"] + 1)
    return expand(f"{TASK_RUN}/run.json", start=STARTS, number=numbers, allow_missing=True)


def task_few_shot(wildcards):
    """Input function: what a task learnt from few labels, if it was asked."""
    return f"{TASK}/few_shot.json" if of_task(wildcards)["few_shot"] else []


def prediction_setting(key):
    return lambda wildcards: study.predictions[wildcards.prediction][key]


def prediction_file(key):
    """Input function: the BED or the variants that a head reads, if it reads any."""

    def path(wildcards):
        file = study.predictions[wildcards.prediction][key]
        return [] if file is None else local_file(file)

    return path


def predicting_head(name):
    """Input function: a file of the head that a use of it names."""
    return lambda wildcards: f"{TASK}/{name}".format(
        task=study.predictions[wildcards.prediction]["task"], model=wildcards.model
    )


def allele_settings(wildcards):
    """Params of heads that read alleles."""
    return inference(**study.allele_settings())


def attribution_settings(wildcards):
    """Which loci a task's head is asked about, and how."""
    keys = ("regions", "flank", "max_loci", "map_length", "orders")
    entry = study.interpretation[wildcards.loci]
    return inference(name=wildcards.loci, **{key: entry[key] for key in keys})


def loci_attributions(wildcards):
    """Input function: what the tasks that a set of loci names make of it."""
    tasks = study.interpretation[wildcards.loci]["tasks"]
    return expand(f"{INTERPRETATION}/attributions/{{task}}.parquet", task=tasks, allow_missing=True)
