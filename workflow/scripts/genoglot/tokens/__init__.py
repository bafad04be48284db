"""Tokens of more than one base: k-mers, blocks and byte-pair encoding, made from the bytes of a genome."""
