"""What the keys of the INSDC feature table are called in the Sequence Ontology.

The names follow NCBI's GFF3 files and the mapping that INSDC gives with the feature table definition (Eilbeck et al.
2005, doi:10.1186/gb-2005-6-5-r44, for the ontology).
"""

GENE_KEY = "gene"
CDS_KEY = "CDS"
RNA_KEYS = ("mRNA", "tRNA", "rRNA", "ncRNA", "tmRNA", "misc_RNA")
UTR_KEYS = ("5'UTR", "3'UTR")
UNKNOWN = "sequence_feature"

# Keys that are terms of the ontology themselves.
_SAME = frozenset(
    {
        "CAAT_signal",
        "CDS",
        "STS",
        "assembly_gap",
        "attenuator",
        "centromere",
        "enhancer",
        "exon",
        "gap",
        "gene",
        "iDNA",
        "insulator",
        "intron",
        "mRNA",
        "operon",
        "oriT",
        "polyA_site",
        "promoter",
        "rRNA",
        "repeat_region",
        "stem_loop",
        "tRNA",
        "telomere",
        "terminator",
        "tmRNA",
    }
)
_TYPES = {
    "-10_signal": "minus_10_signal",
    "-35_signal": "minus_35_signal",
    "3'UTR": "three_prime_UTR",
    "5'UTR": "five_prime_UTR",
    "C_region": "C_gene_segment",
    "D-loop": "D_loop",
    "D_segment": "D_gene_segment",
    "GC_signal": "GC_rich_promoter_region",
    "J_segment": "J_gene_segment",
    "LTR": "long_terminal_repeat",
    "RBS": "ribosome_entry_site",
    "TATA_signal": "TATA_box",
    "V_segment": "V_gene_segment",
    "mat_peptide": "mature_protein_region_of_CDS",
    "misc_RNA": "transcript",
    "misc_binding": "binding_site",
    "misc_difference": "sequence_difference",
    "misc_recomb": "recombination_feature",
    "misc_signal": "regulatory_region",
    "misc_structure": "sequence_secondary_structure",
    "mobile_element": "mobile_genetic_element",
    "modified_base": "modified_DNA_base",
    "polyA_signal": "polyA_signal_sequence",
    "precursor_RNA": "primary_transcript",
    "prim_transcript": "primary_transcript",
    "primer_bind": "primer_binding_site",
    "propeptide": "propeptide_region_of_CDS",
    "protein_bind": "protein_binding_site",
    "rep_origin": "origin_of_replication",
    "satellite": "satellite_DNA",
    "sig_peptide": "signal_peptide_region_of_CDS",
    "transit_peptide": "transit_peptide_region_of_CDS",
    "unsure": "sequence_uncertainty",
    "variation": "sequence_alteration",
}
# Classes of /regulatory_class that the ontology calls otherwise; the rest are terms as they stand.
_REGULATORY = {
    "DNase_I_hypersensitive_site": "DNaseI_hypersensitive_site",
    "GC_signal": "GC_rich_promoter_region",
    "matrix_attachment_region": "matrix_attachment_site",
    "ribosome_binding_site": "ribosome_entry_site",
    "other": "regulatory_region",
    "": "regulatory_region",
}


def feature_type(key: str, qualifiers: dict[str, list[str]]) -> str:
    """Sequence Ontology name of a feature; `sequence_feature` for keys that INSDC does not define."""
    if is_pseudo_feature(qualifiers):
        if key == GENE_KEY:
            return "pseudogene"
        if key in ("tRNA", "rRNA"):
            return f"pseudogenic_{key}"
        if key in RNA_KEYS:
            return "pseudogenic_transcript"
    if key == "ncRNA":
        kind = qualifiers.get("ncRNA_class", [""])[0]
        return kind if kind.isidentifier() and kind.endswith(("RNA", "ribozyme")) else "ncRNA"
    if key == "regulatory":
        kind = qualifiers.get("regulatory_class", [""])[0]
        return _REGULATORY.get(kind, kind if kind.isidentifier() else "regulatory_region")
    return key if key in _SAME else _TYPES.get(key, UNKNOWN)


def is_pseudo_feature(qualifiers: dict[str, list[str]]) -> bool:
    return "pseudo" in qualifiers or "pseudogene" in qualifiers
