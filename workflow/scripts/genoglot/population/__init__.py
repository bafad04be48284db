"""Genomes derived from a reference by a sample's variants, and the way back to its coordinates."""
