"""Consequences of single-nucleotide variants: of a user's, or of those an annotation lets one derive.

The derived ones are a benchmark that any annotated genome has: a model that has learned to read genes finds a stop
codon less likely than a synonymous one.
"""

import logging
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pysam

from genoglot.annotation.table import read_annotation
from genoglot.errors import InputError
from genoglot.genome.consequence_vcf import write_vcf
from genoglot.genome.intervals import Intervals
from genoglot.genome.snvs import CODE, CONSEQUENCES, contig_snvs, transcript_codons, translate
from genoglot.genome.store import CODE_MASK, COMPLEMENT, N_CODE, Genome
from genoglot.genome.transcripts import MITOCHONDRIA, NOT_CODING, Transcript, count_left_out, read_transcripts

logger = logging.getLogger(__name__)

# consequences that the benchmark has; a CDS whose translation is unknown, UTRs and introns are no part of it
DERIVED = (*CONSEQUENCES[: CODE["coding_sequence_variant"]], "intergenic_variant")
# rows that describe a whole sequence and say nothing about what lies where
WHOLE_SEQUENCE = frozenset({"region", "chromosome", "chromosome_band", "contig", "scaffold", "supercontig"})
NO_INTERVALS = np.empty((0, 2), dtype=np.int64)
_PRUNE_ROWS = 1_000_000


def derive_consequences(
    annotation: str | Path,
    sequence_folder: str | Path,
    fasta: str | Path,
    vcf: str | Path,
    contigs: list[str] | None,
    max_per_class: int | None,
    seed: int,
    name: str,
) -> dict[str, int]:
    """Write the SNVs whose consequence follows from the annotation, as a bgzip VCF 4.3 with its tbi index.

    Coding consequences and splice sites come from coding transcripts that translate without a stop inside (unless
    annotated as recoded); `intergenic_variant` from positions that no annotated feature covers. Positions with N and
    mitochondria of unstated genetic code give none.

    Args:
        annotation: normalised GFF3.
        sequence_folder, fasta: tokenized genome, and the FASTA it was made from.
        contigs: contigs to take; None for all.
        max_per_class: largest number of variants of a consequence, drawn evenly from all contigs taken; None for all.
        seed: of the draw; the draw of a contig depends on nothing else but the contig's name.
        name: of the genome, for the header.

    Returns:
        Variants written, by consequence.

    Raises:
        InputError: a contig that the genome does not have; a FASTA of other contigs than the tokenized genome.
    """
    genome = Genome(Path(sequence_folder))
    _check_fasta(Path(fasta), genome)
    chosen = _chosen_contigs(genome, contigs)
    table = read_annotation(annotation)
    table = table[table["contig"].isin(chosen)]
    transcripts = read_transcripts(table)
    covered = _covered(table, transcripts)
    usable, left_out = _usable(transcripts, genome)
    for reason, count in sorted(left_out.items()):
        logger.info("%s: %d transcripts left out: %s", annotation, count, reason)
    tails = sum(item.tail > 0 for items in usable.values() for item in items)
    logger.info("%s: %d transcripts end in an incomplete codon, which is not used", annotation, tails)

    parts: Iterator[tuple[str, pd.DataFrame]] = (
        (
            contig,
            _contig_records(
                usable.get(contig, []), covered.get(contig, NO_INTERVALS), genome, contig, max_per_class, seed
            ),
        )
        for contig in chosen
    )
    if max_per_class is not None:
        parts = _sampled(parts, max_per_class)
    counts = write_vcf(Path(vcf), genome.contigs["length"], name, usable, parts)
    logger.info("%s: %s", vcf, ", ".join(f"{count} {term}" for term, count in counts.items()) or "no variants")
    return counts


def _check_fasta(fasta: Path, genome: Genome) -> None:
    with pysam.FastaFile(str(fasta)) as handle:
        lengths = dict(zip(handle.references, handle.lengths, strict=True))
    if lengths != genome.contigs["length"].to_dict():
        raise InputError(
            f"{fasta}: its contigs are not those of the tokenized genome in {genome.folder}; "
            "expected the FASTA that the genome was tokenized from; delete that folder to have it made again"
        )


def _chosen_contigs(genome: Genome, contigs: list[str] | None) -> list[str]:
    """Contig names in the order of the FASTA."""
    known = list(genome.contigs.index)
    if contigs is None:
        return known
    unknown = [contig for contig in contigs if contig not in genome.contigs.index]
    if unknown:
        raise InputError(
            f"{genome.folder}: there is no contig {', '.join(map(repr, unknown))}; expected contigs of the genome, "
            f"which has {', '.join(known[:10])}; mend the `contigs` of the variant set"
        )
    return [contig for contig in known if contig in set(contigs)]


def _usable(transcripts: list[Transcript], genome: Genome) -> tuple[dict[str, list[Transcript]], Counter[str]]:
    """Transcripts of each contig that can be translated, and how many cannot, by reason."""
    left_out = count_left_out(transcripts)
    usable: dict[str, list[Transcript]] = {}
    for item in transcripts:
        if item.left_out:
            continue
        bases = genome.contig(item.contig)
        if not inside(item, len(bases)):
            left_out["passes the end of its contig"] += 1
        elif "*" in translate(item, bases)[:-1] and not item.recoded:
            left_out["stop codon inside the reading frame"] += 1
        else:
            usable.setdefault(item.contig, []).append(item)
    return usable, left_out


def _contig_records(
    transcripts: list[Transcript],
    covered: np.ndarray,
    genome: Genome,
    contig: str,
    max_per_class: int | None,
    seed: int,
) -> pd.DataFrame:
    """Derived variants of one contig, sorted by position and alternative base.

    `transcripts` are the usable ones; `covered` holds intervals (n, 2) that are not intergenic.

    Columns: pos, ref, alt (base codes), consequence (code), transcript (number in `transcripts`, -1 if intergenic),
    codon_ref, codon_alt (three letters, empty where there is none) and key: uniform random numbers, of which the
    `max_per_class` smallest of each consequence are here.
    """
    bases = genome.contig(contig)
    known = contig_snvs(transcripts, bases)
    frames = []
    for term in DERIVED[:-1]:
        rows, alts = np.nonzero(known.consequence == CODE[term])
        keys = _generator(seed, contig, term).random(len(rows))
        keep = _smallest(keys, max_per_class)
        rows, alts = rows[keep], alts[keep]
        frames.append(
            pd.DataFrame(
                {
                    "pos": known.sites.locate(rows),
                    "alt": alts.astype(np.uint8),
                    "consequence": CODE[term],
                    "transcript": known.transcript[rows, alts],
                    "codon": known.codon[rows, alts],
                    "key": keys[keep],
                }
            )
        )
    if transcripts or contig.lower() not in MITOCHONDRIA:
        frames.append(_intergenic(covered, bases, max_per_class, _generator(seed, contig, DERIVED[-1])))
    records = pd.concat(frames, ignore_index=True).sort_values(["pos", "alt"], ignore_index=True)
    records.insert(1, "ref", bases[records["pos"].to_numpy()] & CODE_MASK)
    return _with_codons(records, transcripts, bases)


def _generator(seed: int, contig: str, term: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(contig.encode()), CODE[term]])


def _smallest(keys: np.ndarray, count: int | None) -> np.ndarray:
    """Indices of the `count` smallest keys, in ascending order; of all of them if there are no more."""
    if count is None or len(keys) <= count:
        return np.arange(len(keys))
    return np.sort(np.argpartition(keys, count)[:count])


def _intergenic(
    covered: np.ndarray, bases: np.ndarray, max_per_class: int | None, generator: np.random.Generator
) -> pd.DataFrame:
    """SNVs of positions that no feature covers, with the columns of `_contig_records`.

    The variants are never enumerated to be drawn: the smallest of n uniform keys are made directly, as order
    statistics by exponential spacings (Devroye 1986, "Non-Uniform Random Variate Generation", V.3).
    """
    free = Intervals(np.concatenate([covered, _unknown_stretches(bases)])).complement(len(bases))
    total = 3 * free.total
    count = total if max_per_class is None else min(total, max_per_class)
    ranks = np.arange(total) if count == total else generator.choice(total, size=count, replace=False)
    keys = -np.expm1(-np.cumsum(generator.exponential(size=count) / (total - np.arange(count))))
    positions = free.locate(ranks // 3)
    # the three bases other than the reference base, in order
    shift = (ranks % 3).astype(np.uint8)
    alts = shift + (shift >= (bases[positions] & CODE_MASK))
    return pd.DataFrame(
        {
            "pos": positions,
            "alt": alts.astype(np.uint8),
            "consequence": CODE["intergenic_variant"],
            "transcript": -1,
            "codon": -1,
            "key": keys,
        }
    )


def _covered(annotation: pd.DataFrame, transcripts: list[Transcript]) -> dict[str, np.ndarray]:
    """Intervals (n, 2) of each contig that are not intergenic.

    They are all rows but those that describe the sequence as a whole, and all transcripts from end to end, since the
    row of a transcript that a slice of a genome cuts may be missing while its exons are there.
    """
    rows = annotation.loc[~annotation["type"].str.lower().isin(WHOLE_SEQUENCE), ["contig", "start", "end"]]
    spans = [(item.contig, item.exons[0, 0], item.exons[-1, 1]) for item in transcripts]
    rows = pd.concat([rows, pd.DataFrame(spans, columns=rows.columns)], ignore_index=True)
    groups = rows.groupby("contig", sort=False)
    return {contig: group[["start", "end"]].to_numpy(dtype=np.int64) for contig, group in groups}


def _unknown_stretches(bases: np.ndarray) -> np.ndarray:
    """Intervals (stretches, 2) of N."""
    unknown = np.zeros(len(bases) + 2, dtype=np.int8)
    np.equal(bases & CODE_MASK, N_CODE, out=unknown[1:-1], casting="unsafe")
    return np.flatnonzero(np.diff(unknown)).reshape(-1, 2)


def _with_codons(records: pd.DataFrame, transcripts: list[Transcript], bases: np.ndarray) -> pd.DataFrame:
    """Replace the codon's number by the codon with the reference and with the alternative base."""
    letters = np.frombuffer(b"ACGTN", dtype=np.uint8)
    codons = np.zeros((2, len(records), 3), dtype=np.uint8)
    numbers, alts, places = (records[column].to_numpy() for column in ("codon", "alt", "pos"))
    coding = np.flatnonzero(numbers >= 0)
    for number, members in records.iloc[coding].groupby("transcript").indices.items():
        rows = coding[members]
        item = transcripts[number]
        reference = transcript_codons(item, bases)[numbers[rows]]
        changed = item.positions.reshape(-1, 3)[numbers[rows]] == places[rows, None]
        alternative = COMPLEMENT[alts[rows]] if item.strand == "-" else alts[rows]
        codons[0, rows] = letters[reference]
        codons[1, rows] = letters[np.where(changed, alternative[:, None], reference)]
    texts = codons.reshape(2, -1).view("S3").astype(str)
    return records.drop(columns="codon").assign(codon_ref=texts[0], codon_alt=texts[1])


def _sampled(parts: Iterable[tuple[str, pd.DataFrame]], max_per_class: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """The records with the smallest keys of each consequence, over all contigs, in the order of `parts`."""
    kept: list[pd.DataFrame] = []
    order: list[str] = []

    def pruned() -> pd.DataFrame:
        everything = pd.concat(kept, ignore_index=True)
        rank = everything.groupby("consequence")["key"].rank(method="first")
        return everything[rank <= max_per_class]

    rows = 0
    for contig, records in parts:
        kept.append(records.assign(contig=len(order)))
        order.append(contig)
        rows += len(records)
        if rows > _PRUNE_ROWS:
            kept = [pruned()]
            rows = len(kept[0])
    if not kept:
        return
    for number, records in pruned().groupby("contig", sort=True):
        yield order[number], records.drop(columns="contig")


def inside(transcript: Transcript, length: int) -> bool:
    """Whether a transcript lies within a contig of this length."""
    return not len(transcript.exons) or (transcript.exons[0, 0] >= 0 and transcript.exons[-1, 1] <= length)


def label_snvs(
    annotation: str | Path,
    sequence_folder: str | Path,
    contig: np.ndarray,
    pos0: np.ndarray,
    ref: np.ndarray,
    alt: np.ndarray,
) -> np.ndarray:
    """Most severe consequence of each variant, for SNVs whose reference base is the genome's.

    Args:
        annotation: normalised GFF3.
        sequence_folder: tokenized genome.
        contig, pos0, ref, alt: one entry for each variant; 0-based positions, alleles on the forward strand.

    Returns:
        Strings of `CONSEQUENCES`, shape (variants,); empty for anything that is not an SNV, lies on an unknown contig
        or names another reference base than the genome has. `coding_sequence_variant` stands for a CDS whose
        translation is not known, `intragenic_variant` for a gene of which nothing more is said at that place.
    """
    genome = Genome(Path(sequence_folder))
    frame = pd.DataFrame({"contig": contig, "pos": np.asarray(pos0, dtype=np.int64), "ref": ref, "alt": alt})
    frame["ref"] = _base_codes(frame["ref"])
    frame["alt"] = _base_codes(frame["alt"])
    snvs = frame[(frame["ref"] < N_CODE) & (frame["alt"] < N_CODE) & (frame["ref"] != frame["alt"])]
    snvs = snvs[snvs["contig"].isin(genome.contigs.index)]
    labels = np.full(len(frame), "", dtype=object)
    table = read_annotation(annotation)
    table = table[table["contig"].isin(snvs["contig"].unique())]
    rows_of = dict(list(table.groupby("contig", sort=False)))
    transcripts_of: dict[str, list[Transcript]] = {}
    for item in read_transcripts(table):
        transcripts_of.setdefault(item.contig, []).append(item)
    for name, group in snvs.groupby("contig", sort=False):
        bases = genome.contig(name)
        group = group[(group["pos"] >= 0) & (group["pos"] < len(bases))]
        positions = group["pos"].to_numpy()
        matches = (bases[positions] & CODE_MASK) == group["ref"].to_numpy()
        group, positions = group[matches], positions[matches]
        transcripts = [item for item in transcripts_of.get(name, []) if inside(item, len(bases))]
        codes = _background(rows_of.get(name, table.iloc[:0]), transcripts, positions)
        known = contig_snvs([item for item in transcripts if _determines(item)], bases)
        covered = known.sites.contains(positions)
        calls = known.consequence[known.sites.rank(positions[covered]), group["alt"].to_numpy()[covered]]
        codes[covered] = np.minimum(codes[covered], calls)
        labels[group.index] = np.array(CONSEQUENCES, dtype=object)[codes]
    return labels


def _base_codes(alleles: pd.Series) -> np.ndarray:
    """Base code of each one-letter allele, in either case; N_CODE for anything else."""
    codes = {base: number for number, pair in enumerate(("Aa", "Cc", "Gg", "Tt")) for base in pair}
    return alleles.map(codes).fillna(N_CODE).astype(np.uint8).to_numpy()


def _determines(transcript: Transcript) -> bool:
    """Whether coding or splice consequences follow from a transcript: tRNA and rRNA introns are not spliceosomal."""
    if transcript.left_out == NOT_CODING:
        return transcript.strand in ("+", "-") and not transcript.kind.lower().endswith(("trna", "rrna"))
    return not transcript.left_out


def _background(annotation: pd.DataFrame, transcripts: list[Transcript], positions: np.ndarray) -> np.ndarray:
    """Consequence codes that do not depend on the alternative base, uint8 of the shape of `positions`.

    Layers are laid from the least to the most severe, each over the ones before.
    """
    kinds = annotation["type"].str.lower()
    parts = (kinds == "cds") | kinds.str.endswith("exon")
    above = set(annotation.loc[parts, "parent"].str.split(",").explode())
    whole = kinds.str.endswith(("gene", "rna", "transcript")) | annotation["id"].isin(above)
    childless_rna = kinds.str.endswith(("rna", "transcript")) & ~annotation["id"].isin(above)
    childless_rna &= (kinds != "mrna") & (annotation["biotype"] != "protein_coding")

    def rows(which: pd.Series) -> np.ndarray:
        return annotation.loc[which, ["start", "end"]].to_numpy(dtype=np.int64)

    coding = [item for item in transcripts if len(item.cds)]
    five, three = _untranslated(coding)
    layers = {
        "intragenic_variant": rows(whole),
        "intron_variant": _stack(item.introns for item in transcripts),
        "non_coding_transcript_exon_variant": np.concatenate(
            [
                _stack(item.exons for item in transcripts if not len(item.cds)),
                rows(childless_rna | (kinds.str.endswith("exon") & (annotation["parent"] == ""))),
            ]
        ),
        "3_prime_UTR_variant": np.concatenate([three, rows(kinds == "three_prime_utr")]),
        "5_prime_UTR_variant": np.concatenate([five, rows(kinds == "five_prime_utr")]),
        "coding_sequence_variant": rows(kinds == "cds"),
    }
    codes = np.full(len(positions), CODE["intergenic_variant"], dtype=np.uint8)
    for name, pairs in layers.items():
        codes[Intervals(pairs).contains(positions)] = CODE[name]
    return codes


def _stack(pairs: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([NO_INTERVALS, *pairs])


def _untranslated(coding: list[Transcript]) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of exons before and after the CDS of coding transcripts: 5' and 3' UTR."""
    five, three = [], []
    for item in coding:
        start, end = item.cds[:, 0].min(), item.cds[:, 1].max()
        left, right = item.exons.clip(max=start), item.exons.clip(min=end)
        five.append(right if item.strand == "-" else left)
        three.append(left if item.strand == "-" else right)
    return _stack(five), _stack(three)
