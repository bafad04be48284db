"""Embeddings of windows and what can be read from them."""
