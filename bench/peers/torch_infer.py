"""Inference of PyTorch on random images.

    python torch_infer.py FORM MODE VARIANT SIDE BATCH

FORM is contiguous or channels_last, MODE eager or compile. For each line of the standard
input it runs three times and answers with the seconds of the quickest.
"""

import os
import sys
import time
import warnings

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../verify/testdata"))
import torchvision  # noqa: E402
from make_logits import cifar, pwc, zhihu  # noqa: E402

warnings.filterwarnings("ignore")
form, mode, variant = sys.argv[1:4]
side, batch = int(sys.argv[4]), int(sys.argv[5])
torch.set_num_threads(2)
torch.manual_seed(0)
net = {"cifar": cifar, "pwc": pwc, "zhihu": zhihu, "torchvision": lambda: torchvision.models.alexnet(weights=None)}[variant]().eval()
x = torch.randn(batch, 3, side, side)
if form == "channels_last":
    net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
run = torch.compile(net) if mode == "compile" else net
with torch.inference_mode():
    for _ in sys.stdin:
        best = float("inf")
        for _ in range(3):
            begin = time.perf_counter()
            run(x)
            best = min(best, time.perf_counter() - begin)
        print(best, flush=True)
