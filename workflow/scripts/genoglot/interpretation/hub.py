"""Predictions at loci as tracks of a genome browser: letter heights as bigWig, and the hub that shows them.

A track hub (Raney et al. 2014, doi:10.1093/bioinformatics/btt637) is three text files beside the tracks. Letters are
stacked: at each base the four tracks together are as high as its information content, as in a sequence logo.
"""

import re
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genoglot.files import staged
from genoglot.genome.store import BASES, N_CODE, Genome
from genoglot.interpretation.tables import COLOURS, letter_heights
from genoglot.scans.tracks import write_values

SHORT, LONG = 17, 76  # characters of labels that a browser shows
# the browser asks for an address; whoever publishes the hub puts their own in
EMAIL = "nobody@example.org"


def write_hub(sites: Path, sequence: Path, folder: Path, name: str, model: str, assembly: str) -> None:
    """Write `A.bw`, `C.bw`, `G.bw` and `T.bw` of letter heights (bits), and `hub.txt`, `genomes.txt`, `trackDb.txt`.

    Args:
        sites: table of `genoglot.interpretation.tables`.
        sequence: folder of the tokenized genome.
        folder: where the files go, all or none.
        name, model: of the set of loci and the model, for labels.
        assembly: what the browser calls the genome.
    """
    genome = Genome(Path(sequence))
    table = pq.read_table(sites)
    table = table.filter(pc.is_valid(table["information"]))
    heights = letter_heights(table)
    contigs = genome.contig_numbers(table["contig"].to_numpy(zero_copy_only=False))
    # loci may overlap, and a base has one value
    _, rows = np.unique(np.stack([contigs, table["pos"].to_numpy()]), axis=1, return_index=True)
    labels = genome.contigs.index.to_numpy()[contigs[rows]].tolist()
    starts = table["pos"].to_numpy()[rows]
    with staged(Path(folder)) as staging:
        for number, base in enumerate(BASES[:N_CODE]):
            values = zip(labels, starts.tolist(), (starts + 1).tolist(), heights[rows, number].tolist(), strict=True)
            write_values(genome.contigs, values, len(rows), staging / f"{base}.bw")
        for file, stanzas in hub_files(name, model, assembly).items():
            (staging / file).write_text(stanza_text(stanzas))


Stanza = dict[str, str]


def hub_files(name: str, model: str, assembly: str) -> dict[str, list[Stanza]]:
    """The stanzas of the text files of a hub, by file name."""
    track = re.sub(r"\W", "_", f"genoglot_{name}_{model}", flags=re.ASCII)
    about = f"Predicted bases at {name} by model {model}"
    hub = {
        "hub": track,
        "shortLabel": f"{name} {model}"[:SHORT],
        "longLabel": about[:LONG],
        "genomesFile": "genomes.txt",
        "email": EMAIL,
    }
    container = {
        "track": track,
        "container": "multiWig",
        "type": "bigWig 0 2",
        "shortLabel": f"{name} {model}"[:SHORT],
        "longLabel": f"{about}, bits"[:LONG],
        "aggregate": "stacked",
        "showSubtrackColorOnUi": "on",
        "visibility": "full",
        "autoScale": "off",
        "viewLimits": "0:2",
        "maxHeightPixels": "120:60:16",
    }
    letters = [
        {
            "track": f"{track}_{base}",
            "parent": track,
            "bigDataUrl": f"{base}.bw",
            "type": "bigWig 0 2",
            "shortLabel": base,
            "longLabel": f"{about}, {base}, bits"[:LONG],
            "color": ",".join(map(str, bytes.fromhex(colour[1:]))),
        }
        for base, colour in COLOURS.items()
    ]
    return {
        "hub.txt": [hub],
        "genomes.txt": [{"genome": assembly, "trackDb": "trackDb.txt"}],
        "trackDb.txt": [container, *letters],
    }


def stanza_text(stanzas: list[Stanza]) -> str:
    """Stanzas as the browser reads them: a key and its value a line, an empty line between them."""
    return "\n".join("".join(f"{key} {value}\n" for key, value in stanza.items()) for stanza in stanzas)
