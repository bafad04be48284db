"""A convnet of GPN's small shape: how fast the library trains and runs it, beside the machine's matrix products.

8 layers of 128 channels, kernel 9, windows of 512, 64 of them in a batch. The baseline is the network as published
(`stacks.PublishedLayer`), in plain modules, with logits and loss as the models of Hugging Face compute them.
"""

from measure import NotHereError, Result, best_time

WINDOW, WINDOWS = 512, 64
# tokens per second of GPN's own code, once measured on 2 cores that compute in bfloat16: (step, precision, compiled)
REFERENCE = {
    ("training", "float32", False): 10_800,
    ("training", "bfloat16", False): 31_900,
    ("training", "bfloat16", True): 39_600,
    ("inference", "float32", False): 48_500,
    ("inference", "bfloat16", False): 116_500,
    ("inference", "bfloat16", True): 121_000,
}


def matmul(precision: str) -> Result:
    """GFLOP/s of products of matrices of 2048 x 2048."""
    import steps

    steps.set_up()
    return steps.matmul_rate(precision)


def rate(
    step: str,
    published: bool = False,
    precision: str = "float32",
    compiled: bool = False,
    windows: int = WINDOWS,
    repeats: int = 3,
) -> Result:
    """Tokens per second of "training" or "inference", and what share of the rate of matrix products they reach.

    Args:
        published: of the network as published, not of the library's.
    """
    import stacks
    import steps
    import torch

    device = steps.set_up(keep_memory=not published)
    batch = steps.random_batch(windows, WINDOW)
    model: torch.nn.Module = stacks.published().to(device) if published else steps.new_model(steps.GPN_SMALL)
    if step == "training":
        call = steps.training_step(model, batch, precision, everywhere=published)
    else:
        call = steps.inference_step(model, batch["tokens"], precision)
    count = steps.operations(call)
    if compiled:
        compile_layers(model)
    seconds = best_time(call, repeats)
    tokens = windows * WINDOW
    share = count / seconds / 1e9 / steps.matmul_rate(precision)
    note = f"{count / tokens / 1e6:.2f} MFLOP a token, {share:.0%} of the rate of matrix products"
    reference = REFERENCE.get((step, precision, compiled))
    return tokens / seconds, note + (f"; GPN's own code {reference:,}" if reference else "")


def compile_layers(network: object) -> None:
    """Have `torch.compile` compile the layers of a network when it is next called.

    Raises:
        NotHereError: there is no compiler.
    """
    import shutil

    import torch

    if not torch.cuda.is_available() and not any(map(shutil.which, ("g++", "clang++", "c++"))):
        raise NotHereError("torch.compile needs a C++ compiler, and there is none on PATH")
    part = getattr(network, "backbone", None) or network.layers  # type: ignore[attr-defined]
    part.compile()
