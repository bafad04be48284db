"""The report: one page that needs nothing but a browser and makes no request."""

import json
import logging
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from genoglot import __version__
from genoglot.files import atomic_path
from genoglot.report import (
    costs,
    data,
    embeddings,
    interpretation,
    predictions,
    scans,
    sections,
    sweeps,
    tasks,
    uses,
    words,
)
from genoglot.report.blocks import Figure, Link, Map, Section
from genoglot.report.contents import contents
from genoglot.report.glossary import GLOSSARY
from genoglot.report.inputs import Linker, browser_url, load_manifest
from genoglot.report.verdicts import (
    Headline,
    judge_embeddings,
    judge_model,
    judge_task,
    judge_variants,
    tally,
)

LOGGER = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
MAP_SCRIPTS = ("map_data.js", "map_paint.js", "map_view.js", "map_legend.js")
PACKAGES = (
    "snakemake",
    "torch",
    "transformers",
    "scikit-learn",
    "umap-learn",
    "numpy",
    "pandas",
    "pyarrow",
    "pysam",
    "plotly",
)
GENOME_FILES = {
    "genome.fa.gz": "sequence, bgzip FASTA",
    "annotation.gff3.gz": "annotation, sorted GFF3",
    "regions.bed.gz": "region class of every base, BED",
    "consequences.vcf.gz": "consequences of single-base changes, VCF",
    "genome.json": "what the FASTA held",
    "annotation.json": "what the annotation held",
}
MODEL_FILES = {
    "config.json": "shape of the network",
    "model.safetensors": "weights",
    "tokenizer.json": "tokenizer",
    "modeling_genoglot.py": "code that transformers loads the model with, with the files that it needs beside it",
    "training.json": "what it was trained on, how long, and with what settings",
    "metrics.json": "likelihoods beside their baselines",
    "curves.tsv": "learning curves",
}
TASK_FILES = {
    "examples.parquet": "labelled examples as the model sees them, and their splits",
    "examples.json": "counts of these, what was left out, what the splits share",
    "head.safetensors": "weights of the head, and of what was trained of the network",
    "head.json": "classes, settings and the network that the head belongs to",
    "predictions.parquet": "what each contestant says of the test examples",
    "few_shot.json": "what is learnt from few labels",
    "metrics.json": "measures of all contestants",
}


def write_report(html: str | Path, manifest: dict[str, Any], benchmarks: str | Path | None = None) -> None:
    """Write the report as one self-contained HTML page.

    Args:
        html: the page. Links lead to files by their place relative to it.
        manifest: `title`, `config`, `browser_url` (see `genoglot.report.inputs.browser_url`) and lists `genomes`,
            `corpora`, `models`, `sweeps`, `embeddings`, `tasks`, `predictions`, `variants`, `scans`, `interpretation`
            of dicts with names and paths of existing files; any list may be empty.
        benchmarks: folder of the benchmark files of Snakemake, for what each rule cost.

    Raises:
        InputError: a file of the manifest is missing or cannot be read, or the address of a browser is none.
    """
    loaded = load_manifest(manifest)
    link = Linker(Path(html))
    headlines = _headlines(loaded)
    content = [
        data.genomes_section(loaded["genomes"]),
        data.corpora_section(loaded["corpora"]),
        sections.learning_section(loaded["models"], link),
        sections.regions_section(loaded["models"], link),
        *([sweeps.sweeps_section(loaded["sweeps"], link)] if loaded["sweeps"] else []),
        embeddings.embeddings_section(
            loaded["embeddings"], loaded["models"], link, browser_url(manifest.get("browser_url"))
        ),
        tasks.tasks_section(loaded["tasks"], link),
        *([predictions.predictions_section(loaded["predictions"], link)] if loaded["predictions"] else []),
        uses.variants_section(loaded["variants"], link),
        *([scans.scans_section(loaded["scans"], link)] if loaded["scans"] else []),
        *([interpretation.interpretation_section(loaded["interpretation"], link)] if loaded["interpretation"] else []),
        *([costs.costs_section(costs.read_costs(Path(benchmarks)))] if benchmarks else []),
    ]
    page = (
        _environment()
        .get_template("template.html")
        .render(
            title=manifest.get("title") or "Genoglot report",
            intro=_introduction(loaded),
            headlines=headlines,
            tallies={model: tally(items) for model, items in headlines.items()},
            contents=contents(content),
            glossary=GLOSSARY,
            sections=content,
            figures=_figure_data(content),
            maps=_map_data(content),
            files=_files(loaded, link),
            config=yaml.safe_dump(manifest.get("config") or {}, sort_keys=False, allow_unicode=True),
            versions=_versions(),
            style=_asset("style.css") + _asset("map.css"),
            script=_asset("page.js"),
            map_script=Markup("\n").join(_asset(name) for name in MAP_SCRIPTS),
            plotly=Markup(get_plotlyjs()),
        )
    )
    with atomic_path(Path(html)) as temporary:
        temporary.write_text(page, encoding="utf-8")
    LOGGER.info("report of %.1f MB", len(page) / 1e6)


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _asset(name: str) -> Markup:
    return Markup((FOLDER / name).read_text(encoding="utf-8"))


def _figure_data(content: list[Section]) -> dict[str, Markup]:
    """JSON of each figure, safe inside a script element."""
    return {
        block.name: Markup(block.figure.to_json().replace("<", r"\u003c"))
        for section in content
        for block in section.blocks
        if isinstance(block, Figure)
    }


def _map_data(content: list[Section]) -> dict[str, Markup]:
    """JSON of each map, safe inside a script element."""
    return {
        block.name: Markup(json.dumps(block.packed, separators=(",", ":")).replace("<", r"\u003c"))
        for section in content
        for block in section.blocks
        if isinstance(block, Map)
    }


def _introduction(loaded: dict[str, list[dict[str, Any]]]) -> list[str]:
    """What was run on what, in plain sentences."""
    sentences = []
    genomes = loaded["genomes"]
    if genomes:
        length = words.bases(sum(entry["genome"]["length"] for entry in genomes))
        annotated = sum(entry.get("annotation") is not None for entry in genomes)
        notes = {len(genomes): "annotated", 0: "without annotation"}.get(annotated, f"{annotated} annotated")
        names = words.some([entry["name"] for entry in genomes])
        sentences.append(f"This is about {words.count(len(genomes), 'genome')}: {names} ({length}, {notes}).")
    for entry in loaded["models"]:
        sentences.append(_learned(entry))
    made = [
        (len({entry["genome"] for entry in loaded["embeddings"]}), "genome", "embedded"),
        (len({entry["task"] for entry in loaded["tasks"]}), "task", "learnt"),
        (len({entry["name"] for entry in loaded["variants"]}), "variant set", "scored"),
    ]
    listed = [f"{words.count(number, noun)} {verb}" for number, noun, verb in made if number]
    if listed:
        sentences.append(f"What it was used for: {', '.join(listed)}.")
    return sentences


def _learned(entry: dict[str, Any]) -> str:
    """How a model came to be, in a sentence."""
    if source := entry.get("pretrained"):
        return (
            f"Model {entry['name']} was brought in trained ({source}) and was measured on the validation windows of "
            f"corpus {entry['corpus']}, which it may have seen in its own training."
        )
    metrics = entry["metrics"]
    return (
        f"Model {entry['name']} learned to fill in hidden bases of corpus {entry['corpus']}; it saw "
        f"{words.bases(metrics['tokens_seen'])} in {words.duration(metrics['seconds'])}, and was measured on "
        "sequence held out from training."
    )


def _headlines(loaded: dict[str, list[dict[str, Any]]]) -> dict[str, list[Headline]]:
    """The numbers of the summary, by model."""
    found: dict[str, list[Headline | None]] = {}
    for entry in loaded["models"]:
        found.setdefault(entry["name"], []).append(judge_model(entry["metrics"]))
    for entry in loaded["variants"]:
        found.setdefault(entry["model"], []).append(judge_variants(entry["name"], entry["metrics"]))
    for entry in loaded["embeddings"]:
        found.setdefault(entry["model"], []).append(judge_embeddings(entry["genome"], entry["metrics"]))
    for entry in loaded["tasks"]:
        found.setdefault(entry["model"], []).append(judge_task(entry["task"], entry["metrics"]))
    return {model: [item for item in items if item is not None] for model, items in found.items()}


def _files(loaded: dict[str, list[dict[str, Any]]], link: Linker) -> list[tuple[str, list[tuple[Link, str]]]]:
    """Groups of links to what the workflow made, with what each file is."""
    groups = []
    for entry in loaded["genomes"]:
        groups.append((f"Genome {entry['name']}", link.siblings(entry["paths"]["genome_json"], GENOME_FILES)))
    for entry in loaded["corpora"]:
        names = {"windows.parquet": "windows and their splits", "corpus.json": "settings, counts and fingerprint"}
        groups.append((f"Corpus {entry['name']}", link.siblings(entry["paths"]["corpus_json"], names)))
    for entry in loaded["models"]:
        groups.append((f"Model {entry['name']}", link.siblings(entry["paths"]["metrics"], MODEL_FILES)))
    for entry in loaded["sweeps"]:
        names = {"comparison.tsv": "its models side by side", "comparison.json": "the same, points and scaling curves"}
        groups.append((f"Sweep {entry['name']}", link.siblings(entry["paths"]["comparison"], names)))
    for entry in loaded["embeddings"]:
        names = {
            "embeddings.parquet": "embedding of every window",
            "umap.parquet": "the map",
            "metrics.json": "accuracies",
        }
        title = f"Embeddings of {entry['genome']} by {entry['model']}"
        groups.append((title, link.siblings(entry["paths"]["umap"], names)))
    for entry in loaded["tasks"]:
        title = f"Task {entry['task']} by {entry['model']}"
        groups.append((title, link.siblings(entry["paths"]["metrics"], TASK_FILES)))
    for entry in loaded["predictions"]:
        title = f"Predictions {entry['name']} by {entry['model']}"
        groups.append((title, link.siblings(entry["paths"]["summary"], predictions.prediction_files(entry))))
    for entry in loaded["variants"]:
        names = {
            "vcf": "all records with scores in INFO",
            "labelled": "scores, consequences, labels and baselines",
            "metrics": "comparisons",
            "evaluation": "allele frequency, and what could not be compared",
            "summary": "counts",
        }
        items = [(link(entry["paths"][key]), what) for key, what in names.items() if key in entry["paths"]]
        groups.append((f"Variants {entry['name']} by {entry['model']}", items))
    for entry in loaded["scans"]:
        title = f"Scan {entry['name']} by {entry['model']}"
        groups.append((title, link.siblings(entry["paths"]["summary"], scans.scan_files(entry))))
    for entry in loaded["interpretation"]:
        title = f"Loci {entry['name']} by {entry['model']}"
        groups.append((title, link.siblings(entry["paths"]["summary"], interpretation.FILES)))
    return [(title, items) for title, items in groups if items]


def _versions() -> list[tuple[str, str]]:
    """Versions of this library, Python and the packages of the environment that wrote the page."""
    found = [("genoglot", __version__), ("python", platform.python_version())]
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return found
