"""Task heads on a pretrained backbone, beside their from-scratch twins."""
