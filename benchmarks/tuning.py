"""What was tried to bring training of a convnet nearer to the machine's rate of matrix products.

The shape is that of `convnet`. Each variant is checked against the plain convolution before it is timed.
"""

from collections.abc import Callable

from measure import Result, best_time

WINDOW, WINDOWS = 512, 64


def library(precision: str = "float32", keep_memory: bool = True, compiled: bool = False) -> Result:
    """Tokens per second of the library's training step, with freed memory kept or returned, compiled or not."""
    import convnet
    import steps

    steps.set_up(keep_memory)
    network = steps.new_model(steps.GPN_SMALL)
    call = steps.training_step(network, steps.random_batch(WINDOWS, WINDOW), precision)
    if compiled:
        convnet.compile_layers(network)
    return WINDOWS * WINDOW / best_time(call, 3)


def tried(
    convolution: str,
    precision: str = "float32",
    activation: str = "squared ReLU",
    compiled: bool = False,
    everywhere: bool = False,
    parts: int = 1,
    windows: int = WINDOWS,
) -> Result:
    """Tokens per second of a training step of a variant of `stacks`.

    Args:
        convolution: "conv1d", "channels last", "one product" or "products".
        activation: "squared ReLU", "ReLU" or "GELU".
        everywhere, parts: see `steps.training_step`.
    """
    import convnet
    import stacks
    import steps
    import torch.nn.functional as F

    ways = {
        "conv1d": stacks.by_conv1d,
        "channels last": stacks.by_channels_last,
        "one product": stacks.by_one_product,
        "products": stacks.by_products,
    }
    activations: dict[str, Callable] = {"squared ReLU": stacks.squared_relu, "ReLU": F.relu, "GELU": F.gelu}
    device = steps.set_up()
    check(ways[convolution])
    network = stacks.tried(ways[convolution], activations[activation]).to(device)
    call = steps.training_step(network, steps.random_batch(windows, WINDOW), precision, everywhere, parts)
    if compiled:
        convnet.compile_layers(network)
    return windows * WINDOW / best_time(call, 3)


def check(convolution: Callable) -> None:
    """Compare a way to compute the convolution with PyTorch's own, values and gradients.

    Raises:
        AssertionError: it computes something else.
    """
    import stacks
    import torch

    torch.manual_seed(0)
    x = torch.randn(2, 40, 6, requires_grad=True)
    weight, bias = torch.randn(5, 6, 9, requires_grad=True), torch.randn(5, requires_grad=True)
    results = []
    for way in (stacks.by_conv1d, convolution):
        y = way(x, weight, bias, 4)
        results.append((y, *torch.autograd.grad(y.square().sum(), (x, weight, bias))))
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
