"""How scores of variants are judged beside all baselines: classes told apart, tails, and allele frequency."""

from collections.abc import Iterator
from typing import Any

from genoglot.report import variant_figures
from genoglot.report.blocks import Block, Bullets, Figure, Heading, Table, Text
from genoglot.report.palette import CONTESTANTS, consequence_words
from genoglot.report.verdicts import (
    GUESSED_AUROC,
    above_guessing,
    by_difference,
    in_words,
    number,
    with_interval,
)

# what the baselines know, for captions
BASELINES = {
    "markov": "the Markov chain, which knows a few bases on either side",
    "trinucleotide": "mutation rates, which are how often the set itself has such a change, of this base between these "
    "neighbours, in neutral sequence elsewhere",
    "conservation": "conservation between species, from the track in the sheet",
}
TAIL_NOTE = (
    "The tail holds the variants of lowest score, a share of all that are compared. The odds ratio says how many times "
    "higher the odds of being one of the first kind are in the tail than outside; 1 is guessing. Intervals are "
    "Woolf's, p is that of Fisher's exact test, and half a variant is added to all four counts where one is empty. "
    "Tails in which chance alone would put less than one variant of either kind are left out."
)


def judgement(index: int, entry: dict[str, Any]) -> list[Block]:
    """Blocks on one variant set scored by one model, below its AUROCs; none for what was not measured."""
    evaluation = entry.get("evaluation") or {}
    measured = [item for item in entry["metrics"] if item.get("auroc") is not None]
    blocks: list[Block] = [*_labels(evaluation.get("labels")), *_baselines(measured)]
    labelled = [item for item in measured if item.get("by", "consequence") != "consequence"]
    for item in labelled:
        name = f"{item['positives']} against {item['negatives']}"
        caption = f"Odds ratios in the tails, {name}: {item['n_positives']:,} and {item['n_negatives']:,} variants."
        blocks += _tails(f"tails-{index}", item, f"{caption} Bars are 95% intervals.")
    blocks += _tail_table(measured)
    if frequency := evaluation.get("frequency"):
        blocks += _frequency(index, frequency, evaluation)
    return blocks


def _names(item: dict[str, Any]) -> str:
    return " against ".join(consequence_words(item[key]) for key in ("positives", "negatives"))


def _labels(labels: dict[str, Any] | None) -> list[Block]:
    """Where labels came from, and what of them could not be used."""
    if not labels:
        return []
    text = f"Labels from {labels['source']}: {labels['positives']:,} positives and {labels['negatives']:,} negatives."
    words = {
        "both": "variants are both, and count for neither",
        "other_values": "variants have a label that is of neither class",
        "without": "variants have no label",
        "unmatched_rows": "rows of the table are no variant of the set",
        "repeated_rows": "rows of the table repeat a variant",
    }
    items = [f"{labels[key]:,} {what}" for key, what in words.items() if labels.get(key)]
    return [Text(text), *([Bullets(items)] if items else [])]


def _of_baselines(item: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Baselines of a comparison that were measured, in the order of the palette."""
    found = item.get("baselines", {})
    yield from ((name, found[name]) for name in BASELINES if found.get(name, {}).get("auroc") is not None)


def _baselines(measured: list[dict[str, Any]]) -> list[Block]:
    """The model beside each baseline on the same variants, over all and within region classes."""
    rows = []
    for item in measured:
        for part in (item, *item.get("regions", [])):
            place = f"{_names(item)}, {part['region']}" if "region" in part else _names(item)
            for name, baseline in _of_baselines(part):
                kind = by_difference(baseline["difference_low"], baseline["difference_high"])
                kind = above_guessing(kind, baseline["model_auroc_low"], GUESSED_AUROC)
                rows.append(
                    [
                        place,
                        CONTESTANTS[name][0],
                        f"{baseline['n_positives']:,} / {baseline['n_negatives']:,}",
                        with_interval(baseline, "model_auroc"),
                        with_interval(baseline, "auroc"),
                        with_interval(baseline, "model_auprc", 4),
                        with_interval(baseline, "auprc", 4),
                        number(baseline["base_rate"], 4),
                        in_words(kind),
                    ]
                )
    if not rows:
        return []
    used = {name for item in measured for name, _ in _of_baselines(item)}
    caption = (
        "Each baseline and the model on the very same variants, those that have both scores. AUPRC is the area under "
        "precision and recall; guessing gives the base rate, the share of variants of the first kind. The verdict is "
        f"on the difference in AUROC. Baselines: {'; '.join(BASELINES[name] for name in BASELINES if name in used)}."
    )
    columns = ["comparison", "baseline", "variants", "model, AUROC", "baseline, AUROC", "model, AUPRC"]
    return [Table([*columns, "baseline, AUPRC", "base rate", "model against it"], rows, {2, 3, 4, 5, 6, 7}, caption)]


def _contestants(item: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Tails of the model and of each baseline."""
    return {"model": item.get("tails", []), **{name: baseline["tails"] for name, baseline in _of_baselines(item)}}


def _tails(name: str, item: dict[str, Any], caption: str) -> list[Block]:
    """Figure of the odds ratios in the tails of one comparison."""
    found = _contestants(item)
    places = [place for place, tail in enumerate(found["model"]) if tail["odds_ratio"] is not None]
    if not places:
        return []
    rows = [f"lowest {found['model'][place]['share']:.1%} ({found['model'][place]['n']:,})" for place in places]
    ends = {"value": "odds_ratio", "low": "odds_ratio_low", "high": "odds_ratio_high"}
    series = {
        key: [{end: tails[place][column] for end, column in ends.items()} for place in places]
        for key, tails in found.items()
    }
    return [Figure(name, variant_figures.tail_dots(rows, series), caption)]


def _tail_table(measured: list[dict[str, Any]], words: str = "") -> list[Block]:
    """Odds ratios in the tails of comparisons, the model beside its baselines."""
    names = [name for name in BASELINES if any(name in dict(_of_baselines(item)) for item in measured)]
    rows = []
    for item in measured:
        found = _contestants(item)
        for place, tail in enumerate(item.get("tails", [])):
            if tail["odds_ratio"] is None:
                continue
            others = [with_interval(found[name][place], "odds_ratio", 2) if name in found else "n/a" for name in names]
            counted = f"{tail['positives']:,.0f} of {tail['n']:,}"
            ratio = [with_interval(tail, "odds_ratio", 2), f"{tail['p']:.1e}"]
            rows.append([words or _names(item), f"{tail['share']:.1%}", counted, *ratio, *others])
    if not rows:
        return []
    columns = [
        "comparison",
        "tail",
        "first kind in it",
        "model, odds ratio",
        "p",
        *(CONTESTANTS[name][0] for name in names),
    ]
    return [Table(columns, rows, set(range(1, len(columns))), TAIL_NOTE)]


def _frequency(index: int, frequency: dict[str, Any], evaluation: dict[str, Any]) -> list[Block]:
    correlation, rare = frequency["correlation"], frequency["rare_against_common"]
    blocks: list[Block] = [Heading(f"Allele frequency (INFO/{frequency['key']})")]
    if not correlation["n"]:
        return [*blocks, Text("No scored variant has an allele frequency.", note=True)]
    sentences = [
        f"{correlation['n']:,} scored variants have an allele frequency. Selection keeps what does harm rare, so that "
        "a model that knows what matters scores rare variants lower. Spearman's correlation of score and frequency is "
        f"{with_interval(correlation, 'spearman')}"
    ]
    for name, baseline in correlation["baselines"].items():
        sentences.append(
            f"{CONTESTANTS[name][0]}: {with_interval(baseline, 'spearman')}, the model on the same {baseline['n']:,} "
            f"{number(baseline['model_spearman'])}"
        )
    blocks.append(Text("; ".join(sentences) + "."))
    several = (evaluation.get("frequency_counts") or {}).get("of_several_alleles")
    if several:
        text = f"{several:,} alleles are left out, whose records have several and do not say whose frequency theirs is."
        blocks.append(Text(text, note=True))
    blocks += [_bins_figure(index, frequency["bins"]), _bins_table(frequency["bins"])]
    limits = f"rare (below {frequency['rare_below']:g}) against common (from {frequency['common_from']:g})"
    if rare.get("auroc") is None:
        sizes = f"{rare['n_positives']:,} and {rare['n_negatives']:,} variants"
        return [*blocks, Text(f"Too few variants for {limits}: {sizes}.", note=True), *_strata(frequency, limits)]
    caption = (
        f"Odds ratios in the tails, {limits}: {rare['n_positives']:,} and {rare['n_negatives']:,} variants. Bars are "
        "95% intervals."
    )
    blocks += _tails(f"rare-{index}", rare, caption)
    return [*blocks, *_tail_table([rare], "rare against common"), *_strata(frequency, limits)]


def _range(row: dict[str, Any]) -> str:
    return f"{row['low']:g} to {row['high']:g}"


def _bins_figure(index: int, bins: list[dict[str, Any]]) -> Figure:
    shown = [row for row in bins if row["n"]]
    labels = [f"{_range(row)}<br>({row['n']:,})" for row in shown]
    caption = (
        f"Scores of {sum(row['n'] for row in shown):,} variants by allele frequency; their number in brackets. Boxes "
        "span the middle half, their line is the median, the dashed line the mean, and whiskers reach from the 5th to "
        "the 95th percentile. Further down, the model finds the change less likely."
    )
    return Figure(f"frequency-{index}", variant_figures.frequency_boxes(labels, shown), caption)


def _bins_table(bins: list[dict[str, Any]]) -> Table:
    names = [name for name in BASELINES if any(row["baselines"].get(name, {}).get("n") for row in bins)]
    rows = [
        [
            _range(row),
            f"{row['n']:,}",
            with_interval(row, "mean"),
            *(number(row[key], 2) for key in ("q05", "q25", "q50", "q75", "q95")),
            *(number(row["baselines"][name]["mean"]) for name in names),
        ]
        for row in bins
    ]
    columns = ["allele frequency", "variants", "mean score (95% interval)", "5%", "25%", "median", "75%", "95%"]
    columns += [f"{CONTESTANTS[name][0]}, mean" for name in names]
    caption = (
        "Scores by bins of allele frequency, each from its lower limit on and below its upper one. Intervals of means "
        "are by their standard errors. Baselines are in units of their own, and over those variants that have them."
    )
    return Table(columns, rows, set(range(1, len(columns))), caption)


def _strata(frequency: dict[str, Any], limits: str) -> list[Block]:
    rows = []
    for part in frequency["strata"]:
        correlation, rare = part["correlation"], part["rare_against_common"]
        tenth: dict[str, Any] = next((tail for tail in rare.get("tails", []) if tail["share"] == 0.1), {})
        rows.append(
            [
                part["by"],
                consequence_words(part["name"]),
                f"{correlation['n']:,}",
                with_interval(correlation, "spearman"),
                *(
                    number(correlation["baselines"].get(name, {}).get("spearman"))
                    if correlation["baselines"]
                    else "n/a"
                    for name in ("markov", "trinucleotide")
                ),
                f"{rare['n_positives']:,} / {rare['n_negatives']:,}",
                with_interval(rare, "auroc"),
                with_interval(tenth, "odds_ratio", 2),
            ]
        )
    if not rows:
        return []
    columns = ["by", "stratum", "variants", "Spearman, model", "Markov chain", "mutation rates", "rare / common"]
    left_out = ", ".join(f"{consequence_words(part['name'])} ({part['n']:,})" for part in frequency["strata_left_out"])
    caption = f"Allele frequency within strata; the last columns are of {limits}." + (
        f" Too few variants: {left_out}." if left_out else ""
    )
    return [Table([*columns, "model, AUROC", "odds ratio, lowest 10%"], rows, set(range(2, 9)), caption)]
