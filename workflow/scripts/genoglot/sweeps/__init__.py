"""Sweeps: one entry of the configuration that stands for many models, and what comes of comparing them."""
