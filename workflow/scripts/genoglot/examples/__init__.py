"""Labelled sequences of tasks: read from tables, BED, annotations, tracks and variants, split, and kept as examples."""
