"""The words of the report, for someone who works with genomes and not with language models."""

GLOSSARY = [
    (
        "masked (hidden) base",
        "A base that is replaced by a blank before the model sees the window. The model has to say which base it was, "
        "from what stands around it. A causal model is asked for each base from those before it instead; either way no "
        "base is shown to the model that is to predict it.",
    ),
    (
        "bits per base",
        "How surprised the model is by the base that was hidden, on average: 2 bits if it guesses among A, C, G and T, "
        "0 if it is certain and right. Fewer is better. Most of a genome is close to 2.",
    ),
    (
        "Markov chain",
        "The baseline for likelihoods and variants: it predicts a base from the few bases next to it, by counting "
        "words in the same training windows. A model that does not beat it has learned no more than short words.",
    ),
    (
        "log-likelihood ratio (GLM_LLR)",
        "Logarithm of the probability of the alternative base divided by that of the reference base, where the base "
        "itself is hidden, averaged over both strands. Below zero: the change is less likely than what is there.",
    ),
    (
        "AUROC",
        "Take one variant of each of two kinds at random: how often does the first have the lower score? "
        "0.5 is guessing, 1 is always. Of a task: take an example of the class and one of another; how often is the "
        "first found the likelier one? It is the area under the ROC curve.",
    ),
    (
        "MCC",
        "Matthews' correlation coefficient of the classes that are called and the true ones: 1 if all calls are right, "
        "0 if they say nothing. Rare classes count, as in balanced accuracy, and so do false alarms.",
    ),
    (
        "precision, recall, AUPRC",
        "Of the examples called, the share that is right; of the right ones, the share that is called. AUPRC is the "
        "area under precision over recall; guessing gives the share of such examples among all.",
    ),
    (
        "balanced accuracy",
        "The share found of each class, averaged over classes. A class of ten windows counts as much as one of ten "
        "thousand, so that calling everything the commonest class does not pay.",
    ),
    (
        "compute, FLOPs",
        "The number of additions and multiplications that a training took. It says what a model cost whatever machine "
        "it was trained on.",
    ),
    (
        "embedding, UMAP",
        "The network's description of a window as a list of numbers, and a drawing of many such lists on a plane that "
        "keeps neighbours together.",
    ),
    (
        "untrained network, twin from scratch",
        "The same architecture with random weights. Even a random network carries composition such as GC, so that it "
        "is a baseline in earnest. The twin from scratch is fine-tuned on the task without pretraining.",
    ),
    (
        "95% interval",
        "The range in which the number falls when the windows, examples or variants are drawn anew (bootstrap), or, of "
        "three or more trainings, when they start from other seeds. Two numbers are called not distinguishable when "
        "their difference could be zero.",
    ),
    (
        "region class",
        "What the annotation says a base is: coding (CDS), untranslated part of an mRNA (UTR), non-coding RNA, repeat, "
        "intron, promoter (just upstream of a gene), or intergenic. Where several apply, the first of these counts.",
    ),
]
