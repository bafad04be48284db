"""A small genome with genes on both strands, its annotation, and a head that knows them."""

from pathlib import Path

import numpy as np

from genoglot.genome.store import COMPLEMENT, Genome, decode

LENGTHS = {"one": 16000, "two": 5000, "three": 700}
CODONS = ("GCT", "GAA", "GTC", "AAG", "CTG", "GGC")  # that genes use, so that there is something to learn


def write_genome(folder: Path, seed: int = 1) -> tuple[Genome, Path]:
    """A genome with a gene of about 300 bases every 500, on either strand in turn, every third with an intron, and its
    normalised annotation; the last contig has none."""
    random = np.random.default_rng(seed)
    bases = {name: random.integers(0, 4, size).astype(np.uint8) for name, size in LENGTHS.items()}
    rows = ["##gff-version 3"]
    number = 0
    for contig in ("one", "two"):
        for place in range(150, LENGTHS[contig] - 450, 500):
            text = "ATG" + "".join(random.choice(CODONS, 96)) + "TAA"
            cut = 150 if number % 3 == 2 else None
            if cut:
                text = text[:cut] + "GT" + "".join(random.choice(list("AT"), 46)) + "AG" + text[cut:]
            codes = np.array(["ACGT".index(letter) for letter in text], dtype=np.uint8)
            strand = "+-"[number % 2]
            parts = [(0, cut), (cut + 50, len(text))] if cut else [(0, len(text))]
            if strand == "-":
                codes = COMPLEMENT[codes[::-1]]
                parts = [(len(text) - end, len(text) - start) for start, end in parts[::-1]]
            bases[contig][place : place + len(text)] = codes
            rows += _gene(contig, place, len(text), parts, strand, f"g{number}")
            number += 1
    folder.mkdir(parents=True, exist_ok=True)
    sequence = folder / "sequence"
    sequence.mkdir()
    np.save(sequence / "bases.npy", np.concatenate(list(bases.values())))
    offsets = np.cumsum([0, *LENGTHS.values()])
    lines = [f"{name}\t{size}\t{offset}\n" for (name, size), offset in zip(LENGTHS.items(), offsets, strict=False)]
    (sequence / "contigs.tsv").write_text("contig\tlength\toffset\n" + "".join(lines))
    annotation = folder / "annotation.gff3"
    annotation.write_text("\n".join(rows) + "\n")
    (folder / "genome.fa").write_text("".join(f">{name}\n{decode(codes)}\n" for name, codes in bases.items()))
    return Genome(sequence), annotation


def _gene(contig: str, place: int, length: int, parts: list, strand: str, name: str) -> list[str]:
    def row(feature, start, end, phase, attributes):
        return "\t".join(map(str, (contig, "made", feature, start + 1, end, ".", strand, phase, attributes)))

    rows = [
        row("gene", place, place + length, ".", f"ID={name};biotype=protein_coding"),
        row("mRNA", place, place + length, ".", f"ID={name}.t;Parent={name};biotype=protein_coding"),
    ]
    done = 0
    ordered = parts if strand == "+" else parts[::-1]
    for start, end in ordered:
        rows.append(row("exon", place + start, place + end, ".", f"Parent={name}.t"))
        rows.append(row("CDS", place + start, place + end, -done % 3, f"ID={name}.c;Parent={name}.t"))
        done += end - start
    return rows
