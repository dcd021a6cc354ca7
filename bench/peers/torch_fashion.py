"""Trains the cifar variant on Fashion-MNIST in PyTorch with alexctl's default recipe, on
the very same images, and prints the test accuracy after the last epoch.

    python torch_fashion.py FOLDER-OF-FASHION-MNIST [--limit 10000] [--seed 0] [--epochs 10]

The recipe: AdamW 1e-3, weight decay 0.01, OneCycleLR, batch 64, horizontal flip, the last
incomplete batch of an epoch left out, a twentieth of the images held out as alexctl does.
"""

import argparse
import gzip
import time

import numpy as np
import torch
from torch import nn

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def held_out(n, fraction, seed):
    """The images that alexctl's data.Split takes: the start of a seeded permutation."""
    state = mix((seed + GOLDEN) & MASK)
    for b in b"split":
        state = mix((state ^ ((b + GOLDEN) & MASK)) & MASK)
    p = [0] * n
    for i in range(n):
        state = (state + GOLDEN) & MASK
        j = (mix(state) >> 1) % (i + 1)
        p[i] = p[j]
        p[j] = i
    return np.array(sorted(p[: int(fraction * n + 0.5)]), dtype=np.int64)


def read(folder, part):
    with gzip.open(f"{folder}/{part}-images-idx3-ubyte.gz") as f:
        x = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(f"{folder}/{part}-labels-idx1-ubyte.gz") as f:
        y = np.frombuffer(f.read(), np.uint8, offset=8).astype(np.int64)
    return np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2))).astype(np.float32) / 255, y


def network():
    return nn.Sequential(
        nn.Conv2d(1, 64, 3, stride=2, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 192, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(), nn.Linear(1024, 4096), nn.ReLU(),
        nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 10))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("folder")
    a.add_argument("--limit", type=int, default=10000)
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--epochs", type=int, default=10)
    a.add_argument("--batch", type=int, default=64)
    a.add_argument("--threads", type=int, default=2)
    o = a.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    x, y = read(o.folder, "train")
    x, y = x[: o.limit], y[: o.limit]
    keep = np.setdiff1d(np.arange(len(x)), held_out(len(x), 0.05, o.seed))
    x, y = x[keep], y[keep]
    mean, std = round(float(x.mean(dtype=np.float64)), 5), round(float(x.std(dtype=np.float64)), 5)
    tx, ty = read(o.folder, "t10k")
    x, tx = torch.from_numpy((x - mean) / std), torch.from_numpy((tx - mean) / std)
    y, ty = torch.from_numpy(y), torch.from_numpy(ty)
    print(f"{len(x)} images, mean {mean}, std {std}, torch {torch.__version__}", flush=True)
    net = network()
    steps = len(x) // o.batch
    opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    rate = torch.optim.lr_scheduler.OneCycleLR(opt, 1e-3, total_steps=steps * o.epochs, cycle_momentum=False)
    loss_of = nn.CrossEntropyLoss()
    for epoch in range(o.epochs):
        net.train()
        begin, total = time.time(), 0.0
        order = torch.randperm(len(x))
        for s in range(steps):
            i = order[s * o.batch : (s + 1) * o.batch]
            b = x[i]
            flip = torch.rand(o.batch) < 0.5
            b[flip] = b[flip].flip(3)
            opt.zero_grad()
            loss = loss_of(net(b), y[i])
            loss.backward()
            opt.step()
            rate.step()
            total += loss.item()
        took = time.time() - begin
        net.eval()
        with torch.no_grad():
            right = sum((net(tx[k : k + 500]).argmax(1) == ty[k : k + 500]).sum().item() for k in range(0, len(tx), 500))
        print(f"epoch {epoch + 1}: loss {total / steps:.4f}, test accuracy {100 * right / len(tx):.2f}%, {steps * o.batch / took:.0f} images/s", flush=True)


main()
