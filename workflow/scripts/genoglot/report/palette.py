"""Colours and words that stay the same in every figure.

The colours are those of Okabe and Ito (2008), which people with colour-blindness can tell apart; the grey is dark,
since people with deuteranopia see green and purple as lighter greys. Shades are those of viridis without its ends, of
which one would vanish on white and the other on black.
"""

from collections.abc import Mapping
from dataclasses import dataclass

BLUE, SKY, GREEN, ORANGE = "#0072B2", "#56B4E9", "#009E73", "#E69F00"
VERMILION, PURPLE, GREY, PALE = "#D55E00", "#CC79A7", "#666666", "#B3B3B3"

REGION_COLOURS = {
    "CDS": BLUE,
    "UTR": SKY,
    "ncRNA": PURPLE,
    "repeat": VERMILION,
    "intron": GREEN,
    "promoter": ORANGE,
    "intergenic": GREY,
    "unannotated": GREY,
}

SHADES = ("#463480", "#3c508b", "#30698e", "#27808e", "#1f968b", "#26ad81", "#4ac16d", "#7fd34e", "#bddf26")
SHAPES = ("circle", "square", "diamond", "triangle")
CYCLE = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE)
MOST_STYLES = len(CYCLE) * len(SHAPES)

# most to least damaging, the order of the figures
CONSEQUENCE_COLOURS = {
    "stop_gained": VERMILION,
    "start_lost": VERMILION,
    "stop_lost": VERMILION,
    "splice_donor_variant": PURPLE,
    "splice_acceptor_variant": PURPLE,
    "missense_variant": ORANGE,
    "stop_retained_variant": SKY,
    "synonymous_variant": BLUE,
    "intron_variant": GREEN,
    "intergenic_variant": GREY,
}

# what is compared -> name in the figures, colour, plotly symbol
CONTESTANTS = {
    "model": ("model", BLUE, "circle"),
    "pretrained": ("pretrained", BLUE, "circle"),
    "markov": ("Markov chain", ORANGE, "diamond"),
    "trinucleotide": ("mutation rates", SKY, "square"),
    "conservation": ("conservation", GREEN, "triangle-up"),
    "6mer": ("6-mer frequencies", ORANGE, "diamond"),
    "3mer": ("3-mer frequencies", SKY, "square"),
    "kmer": ("k-mers", ORANGE, "diamond"),
    "likelihood": ("log-likelihood ratio", PURPLE, "cross"),
    "neighbours": ("nearest neighbours", GREEN, "square"),
    "orf": ("open reading frames", GREEN, "square"),
    "untrained": ("untrained network", GREY, "triangle-up"),
    "from_scratch": ("from scratch", GREY, "triangle-up"),
    "majority": ("commonest class", PALE, "x"),
}

ARCHITECTURE_COLOURS = {
    "cloze": BLUE,
    "convnet": ORANGE,
    "encoder": GREEN,
    "decoder": VERMILION,
    "hyena": PURPLE,
    "hybrid": SKY,
}


def in_order(names: list[str], order: dict[str, str]) -> list[str]:
    """`names` in the order of the palette; names it does not have come last, by alphabet."""
    return [name for name in order if name in names] + sorted(name for name in names if name not in order)


@dataclass(frozen=True)
class Style:
    """How the members of a legend entry are drawn: colour and one of SHAPES; `members` are names of classes."""

    label: str
    colour: str
    shape: str
    members: tuple[str, ...]


def styles(names: list[str], known: Mapping[str, str], sizes: Mapping[str, int]) -> list[Style]:
    """A legend: `known` colours first, then each colour in each shape; what is smallest beyond that shares an entry."""
    told = [Style(name, known[name], SHAPES[0], (name,)) for name in names if name in known]
    others = [name for name in names if name not in known]
    largest = set(sorted(others, key=lambda name: -sizes[name])[:MOST_STYLES])
    shown = [name for name in others if name in largest]
    for place, name in enumerate(shown):
        shape, colour = divmod(place, len(CYCLE))
        told.append(Style(name, CYCLE[colour], SHAPES[shape], (name,)))
    if rest := tuple(name for name in others if name not in largest):
        told.append(Style(f"{len(rest):,} others", PALE, SHAPES[0], rest))
    return told


def consequence_words(term: str) -> str:
    """A Sequence Ontology term as people write it: `stop_gained` -> `stop gained`."""
    return term.removesuffix("_variant").replace("_", " ")
