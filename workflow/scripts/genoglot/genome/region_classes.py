"""The classes of region, by name; apart from what finds them, which needs bedtools."""

# In order of priority: a stretch gets the first class that covers it.
REGION_CLASSES = ["CDS", "UTR", "ncRNA", "repeat", "intron", "promoter", "intergenic"]
UNANNOTATED = "unannotated"
