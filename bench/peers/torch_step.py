"""Training steps of PyTorch: forward, backward and SGD with momentum and decay.

    python torch_step.py FORM SGD MODE PRECISION VARIANT SIDE BATCH

FORM is contiguous or channels_last, SGD default or fused, MODE eager or compile,
PRECISION float32 or bf16 (autocast). For each line of the standard input it does three
steps and answers with the seconds of the quickest: after a pause, caches and threads are
cold.
"""

import os
import sys
import time
import warnings

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../verify/testdata"))
import torchvision  # noqa: E402
from make_logits import cifar, pwc, zhihu  # noqa: E402

warnings.filterwarnings("ignore")
form, sgd, mode, precision, variant = sys.argv[1:6]
side, batch = int(sys.argv[6]), int(sys.argv[7])
torch.set_num_threads(2)
torch.manual_seed(0)
net = {"cifar": cifar, "pwc": pwc, "zhihu": zhihu, "torchvision": lambda: torchvision.models.alexnet(weights=None)}[variant]().train()
x = torch.randn(batch, 3, side, side)
if form == "channels_last":
    net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
run = torch.compile(net) if mode == "compile" else net
classes = 10 if variant == "cifar" else 1000
y = torch.arange(batch) % classes
opt = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9, weight_decay=5e-4, fused=sgd == "fused" or None)
loss_of = nn.CrossEntropyLoss()


def step():
    opt.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loss = loss_of(run(x), y)
    loss.backward()
    opt.step()


for _ in sys.stdin:
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - begin)
    print(best, flush=True)
