"""What the peers in Python share."""

import os
import sys
import time
import warnings


def rounds(work):
    """For each line of the standard input does the work three times and answers with the
    seconds of the quickest: after a pause, caches and threads are cold."""
    for _ in sys.stdin:
        best = float("inf")
        for _ in range(3):
            begin = time.perf_counter()
            work()
            best = min(best, time.perf_counter() - begin)
        print(best, flush=True)


def network(variant, form, side, batch):
    """A network of PyTorch and a batch of random images, contiguous or channels_last, for
    two threads."""
    warnings.filterwarnings("ignore")
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../verify/testdata"))
    import torch
    import torchvision
    from make_logits import cifar, pwc, zhihu

    torch.set_num_threads(2)
    torch.manual_seed(0)
    make = {"cifar": cifar, "pwc": pwc, "zhihu": zhihu, "torchvision": lambda: torchvision.models.alexnet(weights=None)}
    net, x = make[variant](), torch.randn(batch, 3, side, side)
    if form == "channels_last":
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    return net, x
