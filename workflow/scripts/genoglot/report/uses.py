"""The section of the report on variants: their scores by consequence, and what these are judged by."""

from typing import Any

from genoglot.report import figures
from genoglot.report.blocks import Block, Bullets, Figure, Heading, Links, Section, Table, Text
from genoglot.report.inputs import Linker, read_columns
from genoglot.report.judgement import judgement
from genoglot.report.palette import CONSEQUENCE_COLOURS, consequence_words, in_order
from genoglot.report.variant_figures import FEWEST_FOR_SHAPE, MAX_VIOLIN_POINTS, scores
from genoglot.report.verdicts import (
    ENDS,
    in_words,
    judge_comparison,
    judge_variants,
    with_interval,
)

# the words of GLM_REASON
REASONS = {
    "AMBIGUOUS_BASE": "a base other than A, C, G, T in the record or the genome",
    "CONTIG_UNKNOWN": "on a contig that the genome does not have",
    "NO_ALT": "no alternative allele",
    "OUTSIDE_CONTIG": "beyond the end of the contig",
    "REF_MISMATCH": "the REF allele is not what the genome holds there",
    "SAME_AS_REF": "an ALT that is the REF",
    "STAR_ALLELE": "an allele that an upstream deletion removes (*)",
    "SYMBOLIC": "a symbolic allele or breakend that does not say its sequence",
    "TOO_LONG": "longer than scoring.max_length, or than half of the model's window",
}


def variants_section(entries: list[dict[str, Any]], link: Linker) -> Section:
    """Scores of variants by consequence, and how well they tell consequences apart."""
    title = "Variants"
    if not entries:
        return Section(
            "variants", title, "Variants", missing="No variant set is configured for the genomes of these models."
        )
    blocks: list[Block] = [
        Text(
            "A variant's score is the log-likelihood ratio (field GLM_LLR of the VCF): how much less likely the model "
            "finds the alternative base than the reference base where it stands. Below zero, the model did not expect "
            "the change. If the model has learned what matters, damaging changes score lower than silent ones."
        )
    ]
    for index, entry in enumerate(entries):
        blocks += _variants(index, entry, link)
    return Section("variants", title, "Variants", blocks)


def _variants(index: int, entry: dict[str, Any], link: Linker) -> list[Block]:
    headline = judge_variants(entry["name"], entry["metrics"])
    key = f"AUROC {headline.value}" if headline else ""
    blocks: list[Block] = [
        Heading(f"Variants {entry['name']}, model {entry['model']}", f"variants-{index}", key),
        *_scored(entry["summary"]),
        Links([link(entry["paths"]["vcf"])]),
    ]
    table = read_columns(entry["paths"]["labelled"], ["llr", "consequence"])
    scored = int((table["llr"].notna() & table["consequence"].fillna("").ne("")).sum())
    if scored == 0:
        why = "the genome has no annotation, or no scored variant changes a gene that it knows"
        blocks.append(Text(f"No scored variant has a consequence to compare by: {why}.", note=True))
    else:
        caption = (
            f"Scores of {scored:,} variants by what the annotation says they do; their number in brackets (shapes are "
            f"drawn from at most {MAX_VIOLIN_POINTS:,} each; under {FEWEST_FOR_SHAPE}, each is a point). The box spans "
            "the middle half, its line is the median. The outermost 0.5% on either side lie "
            "outside the frame. Further left, the model finds the change less likely."
        )
        origin = link.origin(entry, f"{scored:,} variants", "evaluate_variants", "labelled")
        blocks += [Figure(f"scores-{index}", scores(table), caption, origin=origin), _medians(table)]
    return [*blocks, *_comparisons(index, entry, link), *judgement(index, entry)]


def _scored(summary: dict[str, Any]) -> list[Block]:
    unscored = summary.get("unscored", {})
    text = f"{summary['scored']:,} alternative alleles were scored"
    if "records" in summary:
        text += f", of {summary['records']:,} records"
    if summary.get("contigs"):
        text += f" on {', '.join(summary['contigs'])}"
    if len(kinds := {kind: count["scored"] for kind, count in summary.get("kinds", {}).items() if count["scored"]}) > 1:
        text += f" ({', '.join(f'{count:,} {kind}' for kind, count in kinds.items())})"
    if not unscored:
        return [Text(text + "; none was left out.")]
    items = [
        f"{n:,} {reason}: {REASONS[reason]}" if reason in REASONS else f"{n:,} {reason}"
        for reason, n in unscored.items()
    ]
    return [Text(f"{text}; {sum(unscored.values()):,} were not:"), Bullets(items)]


def _medians(table: Any) -> Block:
    grouped = table[table["consequence"].fillna("").ne("")].groupby("consequence", observed=True)["llr"]
    stats = grouped.quantile([0.25, 0.5, 0.75]).unstack()
    rows = [
        [consequence_words(name), f"{grouped.count()[name]:,}", *(f"{value:+.2f}" for value in stats.loc[name])]
        for name in in_order(list(stats.index), CONSEQUENCE_COLOURS)
    ]
    return Table(["consequence", "scored", "lower quarter", "median", "upper quarter"], rows, {1, 2, 3, 4})


def _comparisons(index: int, entry: dict[str, Any], link: Linker) -> list[Block]:
    comparisons = entry["metrics"]
    measured = [item for item in comparisons if item.get("auroc") is not None]
    if not measured:
        text = "There are too few variants of any two kinds to compare."
        return [Text(text, note=True)] if comparisons else []
    names = [" against ".join(consequence_words(item[key]) for key in ("positives", "negatives")) for item in measured]
    series = {
        key: [{name: item.get(f"{prefix}auroc{end}") for name, end in ENDS.items()} for item in measured]
        for key, prefix in (("model", ""), ("markov", "markov_"))
        if any(item.get(f"{prefix}auroc") is not None for item in measured)
    }
    caption = (
        "AUROC: how often a variant of the first kind scores lower than one of the second, over all pairs. 0.5 is "
        "guessing, 1 is perfect, below 0.5 is the wrong way round. Bars are 95% bootstrap intervals over variants."
    )
    rows = [
        [
            name,
            f"{item['n_positives']:,} / {item['n_negatives']:,}",
            with_interval(item, "auroc"),
            with_interval(item, "markov_auroc"),
            in_words(judge_comparison(item)),
        ]
        for name, item in zip(names, measured, strict=True)
    ]
    columns = ["comparison", "variants", "model, AUROC (95% interval)", "Markov chain", "model against it"]
    note = "Judged by the interval of the difference on the same variants." if "difference" in measured[0] else ""
    missing = [consequence_words(item["positives"]) for item in comparisons if item.get("auroc") is None]
    if missing:
        note += f" Too few variants: {', '.join(missing)}."
    figure = figures.dots(names, series, "AUROC", 0.5)
    origin = link.origin(entry, f"{len(measured)} comparisons", "evaluate_variants", "metrics", stills=True)
    return [Figure(f"auroc-{index}", figure, caption, origin=origin), Table(columns, rows, {1, 2, 3}, note.strip())]
