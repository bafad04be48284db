"""The sections of the report on genomes and corpora, each from loaded entries (see `inputs`)."""

from typing import Any

from genoglot.report.blocks import Block, Bullets, Section, Table, Text
from genoglot.report.words import bases, count, share, some

SPLITS = ("train", "validation", "test")
HELD_OUT = SPLITS[1:]
MANY_DUPLICATES = 5


def genomes_section(entries: list[dict[str, Any]]) -> Section:
    """What each genome and its annotation hold, what was left out, and what cannot be told."""
    if not entries:
        return Section("genomes", "Genomes", "Genomes", missing="No genome is part of this report.")
    rows, cleaned, notes = [], [], []
    for entry in entries:
        genome, annotation = entry["genome"], entry.get("annotation")
        length, unknown = genome["length"], genome.get("n", 0)
        genes = transcripts = "n/a"
        if annotation is None:
            notes.append(f"{entry['name']}: no annotation, so no region classes, tasks or consequences.")
        else:
            genes, transcripts = (f"{annotation[key]:,}" for key in ("genes", "transcripts"))
            notes += [f"{entry['name']}: {note}." for note in annotation.get("notes", [])]
        lines = [*_derived(entry.get("haplotype")), *_cleaned(genome)]
        cleaned += [f"{entry['name']}: {line}" for line in lines]
        rows.append(
            [
                entry["name"],
                f"{len(genome['contigs']):,}",
                bases(length),
                share(genome.get("gc", 0), length - unknown),
                share(unknown, length),
                f"{genome.get('gaps', 0):,}",
                f"{genome.get('iupac', 0):,}",
                share(genome.get("soft_masked", 0), length),
                genes,
                transcripts,
            ]
        )
    columns = ["genome", "contigs", "length", "GC", "N", "gaps", "ambiguity codes", "soft-masked", "genes"]
    caption = (
        "Ambiguity codes (R, Y, K and so on) are read as N, which no model is asked to predict; gaps are its longer "
        "runs. Soft-masked bases, lower case in the FASTA, are mostly repeats; they count less in training."
    )
    blocks: list[Block] = [Table([*columns, "transcripts"], rows, set(range(1, 10)), caption)]
    if cleaned:
        blocks += [Text("What was done to the sequences, and what is odd about them:"), Bullets(cleaned)]
    if notes:
        blocks += [Text("What the annotations cannot tell:"), Bullets(notes)]
    return Section("genomes", "Genomes", "Genomes", blocks)


def _derived(haplotype: dict[str, Any] | None) -> list[str]:
    """How a genome was derived from another, in a sentence."""
    if not haplotype:
        return []
    applied = sum(haplotype["applied"].values())
    skipped = {reason: found["count"] for reason, found in haplotype["skipped"].items() if found["count"]}
    line = f"haplotype {haplotype['haplotype']} of {haplotype['sample']}, {count(applied, 'variant')} applied"
    if skipped:
        line += ", not applied: " + ", ".join(f"{number:,} {reason}" for reason, number in skipped.items())
    if haplotype["unphased"]:
        line += f"; {haplotype['unphased']:,} unphased genotypes taken in the order written"
    return [f"{line}."]


def _cleaned(genome: dict[str, Any]) -> list[str]:
    """What cleaning did to a genome, and contigs that are there twice, a sentence each."""
    lines = []
    for reason, words in (("short", "shorter than asked for"), ("pattern", "named in the configuration")):
        dropped = [contig for contig in genome.get("dropped", []) if contig["reason"] == reason]
        if dropped:
            names = some([contig["name"] for contig in dropped])
            total = bases(sum(contig["length"] for contig in dropped))
            lines.append(f"{count(len(dropped), 'contig')} {words} dropped, {total} in all ({names}).")
    if repeats := genome.get("repeats"):
        lines.append(f"{bases(repeats['bases'])} soft-masked by {count(repeats['intervals'], 'repeat')} of the sheet.")
        if repeats["unknown_contigs"]:
            lines.append(f"repeats on contigs that it does not have: {some(repeats['unknown_contigs'])}.")
    for names in genome.get("duplicates", [])[:MANY_DUPLICATES]:
        lines.append(f"the same sequence stands there {len(names)} times: {some(names)}.")
    if (more := len(genome.get("duplicates", [])) - MANY_DUPLICATES) > 0:
        lines.append(f"{count(more, 'more sequence')} stand there more than once.")
    return lines


def corpora_section(entries: list[dict[str, Any]]) -> Section:
    """Windows by split, what was held out, and how much of that stands in training all the same."""
    if not entries:
        return Section("corpora", "Training data", "Training data", missing="No corpus is part of this report.")
    rows: list[list[Any]] = []
    for entry in entries:
        manifest = entry["manifest"]
        settings = manifest.get("settings", {})
        for genome, windows in manifest["windows"].items():
            rows.append(
                [
                    entry["name"],
                    genome,
                    f"{settings['window']:,} bp" if "window" in settings else "n/a",
                    *(f"{windows.get(split, 0):,}" for split in SPLITS),
                    _held_out(manifest, genome),
                ]
            )
    columns = ["corpus", "genome", "window", "training", "validation", "test", "held out"]
    caption = (
        "Windows of each genome by their use. A model learns from training windows alone; every likelihood in this "
        "report is of validation windows."
    )
    blocks: list[Block] = [Table(columns, rows, {2, 3, 4, 5}, caption)]
    blocks += [table for entry in entries if (table := _leakage(entry))]
    return Section("corpora", "Training data", "Training data", blocks)


def _held_out(manifest: dict[str, Any], genome: str) -> str:
    if contigs := (manifest.get("contigs") or {}).get(genome):
        held_out = [f"{split}: {some(contigs[split])}" for split in HELD_OUT if contigs.get(split)]
    else:
        held = (manifest.get("bases") or {}).get(genome, {})
        held_out = [f"{split}: {share(held[split], 1)} of the bases" for split in HELD_OUT if held.get(split)]
    return "; ".join(held_out) or "none"


def _leakage(entry: dict[str, Any]) -> Table | None:
    """Table of a corpus' held-out windows whose sequence stands in its training windows too."""
    leakage = entry["manifest"].get("leakage")
    if not leakage:
        return None
    rows = []
    for genome, splits in leakage["genomes"].items():
        for split, found in splits.items():
            if found["windows"]:
                # windows of N have no k-mers to compare
                mean = "n/a" if found["mean"] is None else f"{found['mean']:.1%}"
                cells = [f"{found['windows']:,}", mean, f"{found['shared']:.1%}"]
                rows.append([genome, split, *cells, f"{found['dropped']:,}"])
    if not rows:
        return None
    done = "left out" if leakage["drop"] else "kept, and flatter every figure on held-out sequence"
    caption = (
        f"Leakage in corpus {entry['name']}: how much of the held-out windows a model may know by heart, because it "
        f"stands in training windows of any genome. Compared are {leakage['kmer']}-mers on both strands, a fixed "
        f"sample of each window's. A window counts as leaked from {leakage['max_shared']:.0%} shared k-mers on; such "
        f"windows are {done}."
    )
    columns = ["genome", "split", "windows", "k-mers shared, mean", "leaked windows", "left out"]
    return Table(columns, rows, {2, 3, 4, 5}, caption)
