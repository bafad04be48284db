"""Training on a CUDA card: tokens per second, and the share of the card's own rate of matrix products.

Prints the rate of bfloat16 products of 8192 x 8192 matrices and, for each network with and without `torch.compile`,
tokens per second of training steps in bfloat16 and model FLOP utilisation (Chowdhery et al. 2022, arXiv:2204.02311):
the operations that the network needs, forward and backward, over those that the measured rate allows. Each line is
measured in a process of its own.

    python benchmarks/gpu.py [--windows 128] [NETWORK ...]
"""

import argparse
import json
import subprocess
import sys
import time
from typing import Any

from measure import best_time, figure

WINDOW = 512
# presets of the library at the size `base`, without tables of n-grams, and two of the sizes that papers have
NETWORKS: dict[str, dict[str, Any]] = {
    "convnet-66M": {"type": "convnet", "size": "base", "layers": 23, "ngram": 0},
    "encoder-100M": {"type": "encoder", "size": "base", "layers": 13, "expansion": 3, "ngram": 0},
    "convnet-base": {"type": "convnet", "size": "base", "ngram": 0},
    "encoder-base": {"type": "encoder", "size": "base", "ngram": 0},
}
USUAL = ("convnet-66M", "encoder-100M")


def measure(name: str, compiled: bool, windows: int) -> dict[str, float]:
    """Rates of a network: `parameters`, `tokens` a second, `share` of the matrix products' rate, `gigabytes`."""
    import convnet
    import steps
    import torch

    from genoglot.model.build import build
    from genoglot.model.presets import resolve
    from genoglot.tokens.encoding import SingleBase

    device = steps.set_up()
    torch.manual_seed(0)
    network = build(resolve(NETWORKS[name]), SingleBase(), WINDOW)
    torch.nn.Module.to(network, device)
    few = steps.training_step(network, steps.random_batch(2, WINDOW), "bfloat16")
    per_token = steps.operations(few) / (2 * WINDOW)
    if compiled:
        convnet.compile_layers(network)
    call = steps.training_step(network, steps.random_batch(windows, WINDOW), "bfloat16")
    for _ in range(3):  # a compiled network is compiled again when the shapes first change
        call()
    torch.cuda.reset_peak_memory_stats()
    tokens = windows * WINDOW / best_time(call, 20)
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "tokens": tokens,
        "share": tokens * per_token / 1e9 / rate(),
        "gigabytes": torch.cuda.max_memory_allocated() / 1e9,
    }


def rate() -> float:
    """GFLOP/s of bfloat16 matrix products on the card."""
    import steps

    return steps.matmul_rate("bfloat16", 8192, least_seconds=3)


def measure_apart(name: str, compiled: bool, windows: int) -> dict[str, float] | str:
    """`measure` in a process of its own, or the last line of its error."""
    command = [sys.executable, __file__, "--windows", str(windows), "--child", name, str(int(compiled))]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        return (run.stderr.strip().splitlines() or ["no message"])[-1]
    return json.loads(run.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--windows", type=int, default=128, help="windows of 512 in a batch")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if unknown := set(arguments.networks) - set(NETWORKS):
        parser.error(f"no network is called {', '.join(sorted(unknown))}; there are {', '.join(NETWORKS)}")
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("This measures a CUDA card, and PyTorch finds none here.")
    if arguments.child:
        name, compiled = arguments.child
        print(json.dumps(measure(name, bool(int(compiled)), arguments.windows)))
        return
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {time.strftime('%Y-%m-%d')}")
    print(f"bfloat16 matrix products: {rate() / 1000:.0f} TFLOP/s\n")
    print("| network | parameters | torch.compile | training | of the matrix products' rate | peak memory |")
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    for name in arguments.networks or USUAL:
        for compiled in (False, True):
            found = measure_apart(name, compiled, arguments.windows)
            word = "on" if compiled else "off"
            if isinstance(found, str):
                print(f"| {name} | | {word} | not measured: {found} | | |", flush=True)
                continue
            print(
                f"| {name} | {found['parameters'] / 1e6:.1f}M | {word} | {figure(found['tokens'])} tokens/s | "
                f"{found['share']:.1%} | {figure(found['gigabytes'])} GB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
