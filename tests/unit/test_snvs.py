"""What SNVs do to single transcripts and where splice sites lie, against values worked out by hand."""

import numpy as np

from genoglot.genome.snvs import CONSEQUENCES, NONE, coding_snvs, splice_sites
from genoglot.genome.store import encode
from genoglot.genome.transcripts import Transcript


def one_transcript(cds, strand="+", **other):
    cds = np.array(cds)
    return Transcript("c", strand, "g", "t", "", cds, cds[np.argsort(cds[:, 0])], **other)


def calls(transcript, sequence):
    """Consequence by (position, alternative base)."""
    table = coding_snvs(transcript, encode(sequence))
    return {
        (int(position), "ACGT"[alt]): CONSEQUENCES[table[row, alt]]
        for row, position in enumerate(transcript.positions)
        for alt in range(4)
        if table[row, alt] != NONE
    }


def test_incomplete_transcripts_have_neither_start_nor_stop():
    found = calls(one_transcript([(0, 11)], phase=2), "CCATGAAAATG")
    assert len(found) == 9 * 3
    assert found[2, "C"] == "missense_variant"
    assert "start_lost" not in found.values()
    assert "stop_lost" not in found.values()


def test_start_codons_of_bacteria():
    found = calls(one_transcript([(0, 9)], code=11), "GTGAAATAA")
    assert found[0, "A"] == "start_retained_variant"
    assert found[0, "C"] == "start_retained_variant"
    assert found[1, "C"] == "start_lost"
    standard = calls(one_transcript([(0, 9)]), "ATGAAATAA")
    assert {term for (position, _), term in standard.items() if position < 3} == {"start_lost"}


def test_unknown_bases_and_inner_stops_are_not_judged():
    found = calls(one_transcript([(0, 15)]), "ATGTGAANATTTTAA")
    assert {term for (position, _), term in found.items() if 3 <= position < 9} == {"coding_sequence_variant"}
    assert found[9, "C"] == "missense_variant"


def test_splice_sites_by_strand():
    introns = np.array([[10, 30]])
    donors, acceptors = splice_sites(introns, "+")
    assert (donors.tolist(), acceptors.tolist()) == ([[10, 12]], [[28, 30]])
    donors, acceptors = splice_sites(introns, "-")
    assert (donors.tolist(), acceptors.tolist()) == ([[28, 30]], [[10, 12]])
