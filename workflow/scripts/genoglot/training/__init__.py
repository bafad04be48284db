"""Pretraining: from the windows of a corpus to a model folder, on one process or many, resumed where it was killed."""
