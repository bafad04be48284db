"""Colours and words that stay the same in every figure.

The colours are those of Okabe and Ito (2008), which people with colour-blindness can tell apart.
"""

BLUE, SKY, GREEN, ORANGE = "#0072B2", "#56B4E9", "#009E73", "#E69F00"
VERMILION, PURPLE, GREY, PALE = "#D55E00", "#CC79A7", "#8C8C8C", "#B3B3B3"

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
    "kmer": ("6-mer frequencies", ORANGE, "diamond"),
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


def consequence_words(term: str) -> str:
    """A Sequence Ontology term as people write it: `stop_gained` -> `stop gained`."""
    return term.removesuffix("_variant").replace("_", " ")
