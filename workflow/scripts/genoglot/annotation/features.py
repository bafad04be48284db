"""What the feature types and biotypes of annotations stand for.

Names follow the Sequence Ontology (Eilbeck et al. 2005, doi:10.1186/gb-2005-6-5-r44) where a source does; the
patterns also take in what SGD, NCBI, Ensembl and the yeast population reference panel write.
"""

import pandas as pd

EXON_TYPES = ("exon", "noncoding_exon", "coding_exon")
UTR_TYPES = ("five_prime_UTR", "three_prime_UTR", "UTR", "five_prime_utr", "three_prime_utr", "5UTR", "3UTR")
INTRON_TYPES = ("intron", "five_prime_UTR_intron", "three_prime_UTR_intron")

_REPEAT = (
    r"repeat|transpos|(?:^|_)LTR(?:_|$)|solo_?LTR|^TY\d|^Ty\d|^telomere$|^X_element|^Y_prime_element|^Y'_element"
    r"|mobile_(?:genetic_)?element|satellite|^(?:LINE|SINE)(?:_|$)|helitron|^MITE$|insertion_sequence"
)
_PSEUDO = r"pseudogen"
_RNA = (
    r"(?<!m)RNA$|tmRNA$|^ncRNA|ribozyme|^sense_(?:intronic|overlapping)$|^antisense$|^non_coding$"
    r"|^3prime_overlapping_ncrna$"
)
_RNA_GENE = r"RNA_gene$"
# What Ensembl and GENCODE call transcripts without coding sequence that are no known kind of RNA.
_PROCESSED = r"processed_transcript|retained_intron|^non_stop_decay$|NMD_transcript"
_GENE = r"(?:^|_)gene$"


def _matches(names: pd.Series, pattern: str) -> pd.Series:
    unique = pd.Series(names.unique())
    found = set(unique[unique.str.contains(pattern, regex=True)])
    return names.isin(found)


def is_repeat(types: pd.Series) -> pd.Series:
    """Repeats and mobile elements, with the genes inside them (`transposable_element_gene`)."""
    return _matches(types, _REPEAT)


def is_pseudo(types: pd.Series) -> pd.Series:
    return _matches(types, _PSEUDO)


def is_rna(types: pd.Series) -> pd.Series:
    """RNAs that are not translated; not the genes that make them (`ncRNA_gene`) and not mRNA."""
    return _matches(types, _RNA) & ~is_gene(types)


def is_rna_gene(types: pd.Series) -> pd.Series:
    return _matches(types, _RNA_GENE)


def is_processed(types: pd.Series) -> pd.Series:
    """Transcripts without coding sequence, of no known function."""
    return _matches(types, _PROCESSED) & ~is_pseudo(types)


def is_gene(types: pd.Series) -> pd.Series:
    """`gene` and the kinds of gene (`ncRNA_gene`, `transposable_element_gene`, ...)."""
    return _matches(types, _GENE)
