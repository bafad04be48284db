"""Embeddings of windows and what can be read from them."""

# the word that stands for a window in the middle of each contig, where the path of a BED could stand
EACH_CONTIG = "contigs"
