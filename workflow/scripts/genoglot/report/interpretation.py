"""The section of the report on loci: what a model predicts there, and what moves its predictions."""

from typing import Any

from genoglot.report.blocks import Block, Bullets, Heading, Image, Links, Section, Text
from genoglot.report.inputs import Linker

NOTES = 12  # of a set
FILES = {
    "sites.parquet": "every base of the loci: probabilities, information, the score of each substitution",
    "dependencies.parquet": "dependency maps, a row for each pair of bases",
    "attention.parquet": "attention maps, a row for each pair of bases and layer, if they were asked for",
    "loci.json": "the loci, and what each lacks and why",
    "hub/hub.txt": "track hub of predicted bases, for a genome browser",
    "figures": "the figures of all loci, as PNG and SVG",
}
ATTRIBUTIONS = "attributions-"
WIDTHS = {"logo": 1000, "mutagenesis": 1000, "dependencies": 660, "attention": 1000}
READING = {
    "logo": (
        "Predicted bases at {place}: each letter is as high as its probability times the information of the base, at "
        "most 2 bits. High letters are bases that the model is sure of from their surroundings; the sequence that is "
        "there is written below."
    ),
    "mutagenesis": (
        "In-silico mutagenesis of {place}: log-likelihood ratio of each base to the one that is there (dots), in nats. "
        "Red is less likely, blue more likely than what is there."
    ),
    "dependencies": (
        "Dependency map of {place}: a dark cell in row i and column j says that a change of base i moves the "
        "prediction of base j, by the largest |log2 odds ratio| over the three changes and four bases. Neighbours "
        "lie along the diagonal; a line at a right angle to it would be a stem whose bases the model pairs."
    ),
    "attention": (
        "Attention of each layer at {place}, mean over heads: row i looks at column j. Where a layer looks is not what "
        "a prediction rests on; the dependency map says that."
    ),
    "attributions": (
        "What the head of task {task} rests its prediction for {place} on: each base is as high as its Shapley value, "
        "what it adds to the output when the bases of the locus are revealed one by one in random order. Letters that "
        "hang down speak against the prediction."
    ),
}


def interpretation_section(entries: list[dict[str, Any]], link: Linker) -> Section:
    """Pictures of the first loci of each set, and what is missing of which."""
    blocks: list[Block] = [
        Text(
            "What a model has learnt of a place in the genome, as far as its predictions show it. All is shown on the "
            "forward strand and is the model's opinion: a base that it is sure of need not do anything, and one that "
            "does something may be beyond it."
        )
    ]
    for entry in entries:
        blocks += _set(entry, link)
    return Section("interpretation", "Loci in detail", "Loci", blocks)


def _set(entry: dict[str, Any], link: Linker) -> list[Block]:
    loci, pictures = entry["summary"]["loci"], entry["pictures"]
    shown = [locus for locus in loci if locus["file"] in pictures]
    blocks: list[Block] = [Heading(f"Loci {entry['name']} by {entry['model']}")]
    for locus in shown:
        place = f"{locus['name']} of {entry['summary']['genome']} by model {entry['model']}"
        if locus["variants"]:
            blocks.append(Text(f"{locus['name']} lies around {', '.join(locus['variants'])}."))
        found = pictures[locus["file"]]
        for kind, width in WIDTHS.items():
            if kind in found:
                blocks.append(Image(found[kind], READING[kind].format(place=place), width))
        for kind in [kind for kind in found if kind.startswith(ATTRIBUTIONS)]:
            words = READING["attributions"].format(place=place, task=kind.removeprefix(ATTRIBUTIONS))
            blocks.append(Image(found[kind], words, 1000))
    notes = [f"{locus['name']} has no {what}: {why}." for locus in loci for what, why in locus["missing"].items()]
    if notes:
        blocks.append(Bullets(notes[:NOTES]))
        if len(notes) > NOTES:
            blocks.append(Text(f"{len(notes) - NOTES} more such notes are in loci.json.", note=True))
    others = sum("figures" not in locus["missing"] for locus in loci) - len(shown)
    if others:
        text = f"Figures of {others} more of its {len(loci)} loci are in the folder of figures, and not on this page."
        blocks.append(Text(text, note=True))
    files = [item for item, _ in link.siblings(entry["paths"]["summary"], FILES)]
    return [*blocks, Links(files)]
