"""The section of the report on loci: what a model predicts there, and what moves its predictions."""

from base64 import b64encode
from pathlib import Path
from typing import Any

from genoglot.report.blocks import Block, Bullets, Heading, Image, Links, Section, Text
from genoglot.report.inputs import Linker

LOCI = 3  # of a set, whose pictures are in the page: each has some hundred kilobytes
FILES = {
    "sites.parquet": "every base of the loci: probabilities, information, the score of each substitution",
    "dependencies.parquet": "dependency maps, a row for each pair of bases",
    "loci.json": "the loci, and what each lacks and why",
    "hub/hub.txt": "track hub of predicted bases, for a genome browser",
    "figures": "the figures of all loci, as PNG and SVG",
}
WIDTHS = {"logo": 1000, "mutagenesis": 1000, "dependencies": 660}
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
    loci, folder = entry["summary"]["loci"], entry["paths"]["figures"]
    shown = [locus for locus in loci if "figures" not in locus["missing"]][:LOCI]
    blocks: list[Block] = [Heading(f"Loci {entry['name']} by {entry['model']}")]
    for locus in shown:
        place = f"{locus['name']} of {entry['summary']['genome']} by model {entry['model']}"
        if locus["variants"]:
            blocks.append(Text(f"{locus['name']} lies around {', '.join(locus['variants'])}."))
        for kind, width in WIDTHS.items():
            picture = folder / f"{locus['file']}.{kind}.png"
            if picture.is_file():
                blocks.append(Image(data_uri(picture), READING[kind].format(place=place), width))
    notes = [f"{locus['name']} has no {what}: {why}." for locus in loci for what, why in locus["missing"].items()]
    if notes:
        blocks.append(Bullets(notes[: 4 * LOCI]))
        if len(notes) > 4 * LOCI:
            blocks.append(Text(f"{len(notes) - 4 * LOCI} more such notes are in loci.json.", note=True))
    others = sum("figures" not in locus["missing"] for locus in loci) - len(shown)
    if others:
        text = f"Figures of {others} more of its {len(loci)} loci are in the folder of figures, and not on this page."
        blocks.append(Text(text, note=True))
    files = [item for item, _ in link.siblings(entry["paths"]["summary"], FILES)]
    return [*blocks, Links(files)]


def data_uri(picture: Path) -> str:
    """A PNG as text that stands for it in a page."""
    return f"data:image/png;base64,{b64encode(picture.read_bytes()).decode()}"
