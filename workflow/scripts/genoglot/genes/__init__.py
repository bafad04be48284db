"""Genes that code for proteins: what each base is to them, the rule of open reading frames, genes from predictions."""
