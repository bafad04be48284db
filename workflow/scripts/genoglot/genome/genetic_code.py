"""NCBI genetic codes as arrays over codon numbers.

A codon's number is 16 a + 4 b + c for base codes A 0, C 1, G 2, T 3. The tables are those of Elzanowski & Ostell,
"The Genetic Codes", NCBI Taxonomy (https://www.ncbi.nlm.nih.gov/Taxonomy/Utils/wprintgc.cgi), amino acids and starts
written in NCBI's order of codons (first base slowest, bases in the order TCAG). One thing is left out: the nuclear
codes 1 and 12 start with ATG here, without the TTG and CTG of a few genes, since a start codon that mutates to one of
these is as good as lost; that is how Ensembl VEP and bcftools csq see it too.
"""

from dataclasses import dataclass

import numpy as np

CODON_WEIGHTS = np.array([16, 4, 1])
STOP = ord("*")

_ORDER = "TCAG"
_TABLES = {
    # standard
    1: (
        "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "-----------------------------------M----------------------------",
    ),
    # vertebrate mitochondrial
    2: (
        "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIMMTTTTNNKKSS**VVVVAAAADDEEGGGG",
        "--------------------------------MMMM---------------M------------",
    ),
    # yeast mitochondrial
    3: (
        "FFLLSSSSYY**CCWWTTTTPPPPHHQQRRRRIIMMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "----------------------------------MM---------------M------------",
    ),
    # mould, protozoan and coelenterate mitochondrial, Mycoplasma
    4: (
        "FFLLSSSSYY**CCWWLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "--MM---------------M------------MMMM---------------M------------",
    ),
    # bacterial, archaeal and plant plastid
    11: (
        "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "---M---------------M------------MMMM---------------M------------",
    ),
    # alternative yeast nuclear (CTG is serine)
    12: (
        "FFLLSSSSYY**CC*WLLLSPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        "-----------------------------------M----------------------------",
    ),
}


@dataclass(frozen=True)
class GeneticCode:
    """One code: `amino_acids` uint8 (64,) of ASCII letters, stop `*`; `starts` bool (64,)."""

    amino_acids: np.ndarray
    starts: np.ndarray


def _build(amino_acids: str, starts: str) -> GeneticCode:
    codons = [(a, b, c) for a in _ORDER for b in _ORDER for c in _ORDER]
    numbers = [int(np.dot(CODON_WEIGHTS, ["ACGT".index(base) for base in codon])) for codon in codons]
    code = GeneticCode(np.zeros(64, dtype=np.uint8), np.zeros(64, dtype=bool))
    code.amino_acids[numbers] = np.frombuffer(amino_acids.encode(), dtype=np.uint8)
    code.starts[numbers] = np.array(list(starts)) == "M"
    return code


GENETIC_CODES = {number: _build(*table) for number, table in _TABLES.items()}
