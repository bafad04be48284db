"""What every possible single-nucleotide variant does to a transcript.

The terms are Sequence Ontology's; where several transcripts or features cover a variant, the most severe term counts,
in the order of Ensembl VEP (McLaren et al. 2016, https://www.ensembl.org/info/genome/variation/prediction/).
"""

from dataclasses import dataclass

import numpy as np

from genoglot.genome.genetic_code import CODON_WEIGHTS, GENETIC_CODES, STOP
from genoglot.genome.intervals import Intervals
from genoglot.genome.store import CODE_MASK, COMPLEMENT, N_CODE
from genoglot.genome.transcripts import Transcript

# from the most severe; a consequence's code is its place here
CONSEQUENCES = (
    "splice_acceptor_variant",
    "splice_donor_variant",
    "stop_gained",
    "stop_lost",
    "start_lost",
    "missense_variant",
    "start_retained_variant",
    "stop_retained_variant",
    "synonymous_variant",
    "coding_sequence_variant",
    "5_prime_UTR_variant",
    "3_prime_UTR_variant",
    "non_coding_transcript_exon_variant",
    "intron_variant",
    "intragenic_variant",
    "intergenic_variant",
)
CODE = {name: number for number, name in enumerate(CONSEQUENCES)}
NONE = 255
SPLICE_SITE = 2


def coding_snvs(transcript: Transcript, bases: np.ndarray) -> np.ndarray:
    """Consequence codes of all SNVs in the whole codons of a transcript.

    Args:
        transcript: one that is not left out.
        bases: stored bytes of its contig.

    Returns:
        uint8 of shape (3 x codons, 4): rows as `transcript.positions`, columns the alternative base on the forward
        strand; NONE where that is the reference base. Codons with N, and stop codons inside the reading frame, give
        `coding_sequence_variant`: what they encode is not known.
    """
    codons = transcript_codons(transcript, bases)
    code = GENETIC_CODES[transcript.code]
    known = np.all(codons < N_CODE, axis=1)
    numbers = np.where(known, codons @ CODON_WEIGHTS, 0)
    alternatives = np.arange(4)
    # (codons, place in the codon, alternative base)
    changed = numbers[:, None, None] + (alternatives - codons[:, :, None].astype(np.int64)) * CODON_WEIGHTS[:, None]
    changed = np.where(known[:, None, None], changed, 0)
    before = code.amino_acids[numbers][:, None, None]
    after = code.amino_acids[changed]

    result = np.full(changed.shape, CODE["missense_variant"], dtype=np.uint8)
    result[after == before] = CODE["synonymous_variant"]
    result[(after == STOP) & (before != STOP)] = CODE["stop_gained"]
    stops = code.amino_acids[numbers] == STOP
    result[stops] = CODE["coding_sequence_variant"]
    if stops[-1]:
        result[-1] = np.where(after[-1] == STOP, CODE["stop_retained_variant"], CODE["stop_lost"])
    if transcript.phase == 0 and known[0] and code.starts[numbers[0]]:
        result[0] = np.where(code.starts[changed[0]], CODE["start_retained_variant"], CODE["start_lost"])
    result[~known] = CODE["coding_sequence_variant"]
    result[alternatives == codons[:, :, None]] = NONE
    if transcript.strand == "-":
        result = result[:, :, ::-1]
    return result.reshape(-1, 4)


def transcript_codons(transcript: Transcript, bases: np.ndarray) -> np.ndarray:
    """Base codes of the whole codons in the direction of the transcript; uint8 of shape (codons, 3)."""
    codes = bases[transcript.positions] & CODE_MASK
    return (COMPLEMENT[codes] if transcript.strand == "-" else codes).reshape(-1, 3)


def translate(transcript: Transcript, bases: np.ndarray) -> str:
    """Amino acids of a transcript's whole codons, `*` for stop, X for codons with N."""
    codons = transcript_codons(transcript, bases)
    known = (codons < N_CODE).all(axis=1)
    letters = GENETIC_CODES[transcript.code].amino_acids[np.where(known, codons @ CODON_WEIGHTS, 0)]
    return np.where(known, letters, ord("X")).astype(np.uint8).tobytes().decode()


def splice_sites(introns: np.ndarray, strand: str) -> tuple[np.ndarray, np.ndarray]:
    """Donor and acceptor sites, int64 (introns, 2) each: the first and the last two bases of introns (n, 2)."""
    left = np.column_stack([introns[:, 0], introns[:, 0] + SPLICE_SITE])
    right = np.column_stack([introns[:, 1] - SPLICE_SITE, introns[:, 1]])
    return (right, left) if strand == "-" else (left, right)


@dataclass(frozen=True)
class ContigSNVs:
    """The most severe consequence of every SNV of a contig's coding sequences and splice sites.

    Attributes:
        sites: the positions covered; a row of the arrays is a position's rank in them.
        consequence: uint8 (sites, 4), by alternative base on the forward strand; NONE where there is none.
        transcript: int32 (sites, 4), number of the transcript that it comes from.
        codon: int32 (sites, 4), number of the codon, from 0; -1 at splice sites.
    """

    sites: Intervals
    consequence: np.ndarray
    transcript: np.ndarray
    codon: np.ndarray


def contig_snvs(transcripts: list[Transcript], bases: np.ndarray) -> ContigSNVs:
    """Consequences of all SNVs that these transcripts of one contig (none of them left out) determine.

    Of equally severe ones, that of the first transcript counts. Transcripts without a CDS give their splice sites.
    """
    ends = [splice_sites(item.introns, item.strand) for item in transcripts]
    pieces = [item.cds for item in transcripts] + [site for pair in ends for site in pair]
    sites = Intervals(np.concatenate(pieces)) if pieces else Intervals(np.empty((0, 2)))
    shape = (sites.total, 4)
    table = ContigSNVs(sites, np.full(shape, NONE, np.uint8), np.zeros(shape, np.int32), np.full(shape, -1, np.int32))
    for number, (item, (donors, acceptors)) in enumerate(zip(transcripts, ends, strict=True)):
        if len(item.cds):
            positions = item.positions
            _merge(table, positions, coding_snvs(item, bases), number, np.arange(len(positions)) // 3)
        for pairs, name in ((donors, "splice_donor_variant"), (acceptors, "splice_acceptor_variant")):
            union = Intervals(pairs)
            positions = union.locate(np.arange(union.total))
            codes = bases[positions] & CODE_MASK
            calls = np.full((len(positions), 4), CODE[name], dtype=np.uint8)
            calls[(codes[:, None] == np.arange(4)) | (codes[:, None] == N_CODE)] = NONE
            _merge(table, positions, calls, number, np.full(len(positions), -1))
    return table


def _merge(table: ContigSNVs, positions: np.ndarray, calls: np.ndarray, number: int, codons: np.ndarray) -> None:
    """Enter a transcript's calls (positions, 4) where they are more severe than those already there."""
    rows = table.sites.rank(positions)
    # a base read twice at a programmed frameshift would be entered twice at once: enter each monotonic run by itself
    steps = np.diff(rows)
    turns = np.flatnonzero(steps <= 0 if len(rows) and rows[-1] > rows[0] else steps >= 0) + 1
    for run in np.split(np.arange(len(rows)), turns):
        where = rows[run]
        better = calls[run] < table.consequence[where]
        table.consequence[where] = np.where(better, calls[run], table.consequence[where])
        table.transcript[where] = np.where(better, number, table.transcript[where])
        table.codon[where] = np.where(better, codons[run, None], table.codon[where])
