"""Training steps of PyTorch: forward, backward and SGD with momentum and decay. See
peer.rounds.

    python torch_step.py FORM SGD MODE PRECISION VARIANT SIDE BATCH

FORM is contiguous or channels_last, SGD default or fused, MODE eager or compile,
PRECISION float32 or bf16 (autocast).
"""

import sys

import peer
import torch
from torch import nn

form, sgd, mode, precision, variant = sys.argv[1:6]
batch = int(sys.argv[7])
net, x = peer.network(variant, form, int(sys.argv[6]), batch)
net.train()
run = torch.compile(net) if mode == "compile" else net
y = torch.arange(batch) % (10 if variant == "cifar" else 1000)
opt = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9, weight_decay=5e-4, fused=sgd == "fused" or None)
loss_of = nn.CrossEntropyLoss()


def step():
    opt.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loss = loss_of(run(x), y)
    loss.backward()
    opt.step()


peer.rounds(step)
