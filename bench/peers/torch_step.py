"""Three training steps of PyTorch for each line of the standard input: forward, backward
and SGD with momentum and decay, fused. Answers with the seconds of the quickest.

    python torch_step.py contiguous|channels_last VARIANT SIDE BATCH
"""

import os
import sys
import time

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../verify/testdata"))
import torchvision  # noqa: E402
from make_logits import cifar, pwc, zhihu  # noqa: E402

form, variant, side, batch = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(2)
torch.manual_seed(0)
net = {"cifar": cifar, "pwc": pwc, "zhihu": zhihu, "torchvision": lambda: torchvision.models.alexnet(weights=None)}[variant]().train()
x = torch.randn(batch, 3, side, side)
if form == "channels_last":
    net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
classes = 10 if variant == "cifar" else 1000
y = torch.arange(batch) % classes
opt = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9, weight_decay=5e-4, fused=True)
loss_of = nn.CrossEntropyLoss()
for _ in sys.stdin:
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        opt.zero_grad()
        loss_of(net(x), y).backward()
        opt.step()
        best = min(best, time.perf_counter() - begin)
    print(best, flush=True)
