"""Makes training.json beside this file: what PyTorch computes in a few training steps,
in float64 and in float32, from weights and batches that both sides compute from an
integer hash (see verify/testdata/make_logits.py). Dropout is off.

    pip install torch torchvision numpy
    python make_training.py

For each run: the losses of all steps; for each parameter, 64 evenly spaced elements of
the gradient of the first step and of the final value, and the largest magnitude of each.
Made with PyTorch 2.15.
"""

import json
import os
import sys

import numpy as np
import torch
from torch import nn

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "../../verify/testdata"))
from make_logits import cifar, hashed, parameter, pwc, zhihu  # noqa: E402

SAMPLES = 64


def batch(step, n, side):
    x = hashed(f"batch.{step}", n * 3 * side * side).reshape(n, 3, side, side) * 2
    y = np.floor((hashed(f"labels.{step}", n) + 1) * 5).astype(np.int64)
    return torch.from_numpy(x), torch.from_numpy(y)


def sample(t):
    v = t.detach().double().flatten().numpy()
    index = np.arange(SAMPLES) * len(v) // SAMPLES
    return {"values": v[index].tolist(), "largest": float(np.abs(v).max())}


def network(name, side):
    """The network at a reduced input size: ten classes, one position left at the end."""
    net = {"cifar": cifar, "pwc": pwc, "zhihu": zhihu}[name]()
    if name == "pwc":
        net.classifier[1], net.classifier[6] = nn.Linear(256, 4096), nn.Linear(4096, 10)
    if name == "zhihu":
        net.layer6[0], net.layer8 = nn.Linear(256, 4096), nn.Linear(4096, 10)
    return net


def train(name, side, n, steps, kind, dtype):
    net = network(name, side).double()
    net.load_state_dict({k: parameter(k, v.shape) for k, v in net.state_dict().items()})
    net = net.to(dtype).eval()  # dropout off
    if kind == "sgd":
        opt = torch.optim.SGD(net.parameters(), lr=2e-4, momentum=0.9, weight_decay=5e-4)
    else:
        opt = torch.optim.Adam(net.parameters(), lr=1e-5)
    losses, gradients = [], {}
    for step in range(steps):
        x, y = batch(step, n, side)
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x.to(dtype)), y)
        loss.backward()
        if step == 0:
            gradients = {k: sample(p.grad) for k, p in net.named_parameters()}
        opt.step()
        losses.append(loss.item())
    return {"losses": losses, "gradients": gradients, "final": {k: sample(p) for k, p in net.named_parameters()}}


runs = []
for name, side, n, steps, kind in [
    ("cifar", 32, 8, 20, "sgd"), ("cifar", 32, 8, 20, "adam"), ("pwc", 67, 4, 3, "sgd"), ("zhihu", 67, 4, 3, "sgd"),
]:
    run = {"variant": name, "input": side, "batch": n, "optimizer": kind}
    run["float64"] = train(name, side, n, steps, kind, torch.float64)
    run["float32"] = train(name, side, n, steps, kind, torch.float32)
    del run["float32"]["gradients"]
    runs.append(run)
    print(name, kind, run["float64"]["losses"][:3], run["float64"]["losses"][-1], run["float32"]["losses"][-1], flush=True)

with open(os.path.join(here, "training.json"), "w") as f:
    json.dump(runs, f, indent=None, separators=(",", ":"))
    f.write("\n")
