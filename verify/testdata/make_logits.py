"""Makes logits_*.f64 beside this file: what PyTorch, in float64, computes for the
networks of the family. Run it in this folder:

    pip install torch torchvision numpy
    python make_logits.py

Weights and inputs are not stored. Both sides compute them from an integer hash, with
values that float32 holds exactly, so only the networks are compared. The files hold
the logits, (2, classes) little-endian float64. They were made with PyTorch 2.15.
"""

import zlib

import numpy as np
import torch
import torchvision
from torch import nn


def hashed(name, count):
    """Numbers in [-1, 1), multiples of 2^-23, from murmur3's finalizer over the index."""
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(zlib.crc32(name.encode()))
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype(np.float64) / 2**23 - 1


def parameter(name, shape):
    """He-scaled, by the power of two next to sqrt(6/fan_in), so that it stays exact."""
    v = hashed(name, int(np.prod(shape)))
    if len(shape) == 1:
        v = v / 16
    else:
        v = v * 2.0 ** np.round(np.log2(np.sqrt(6 / np.prod(shape[1:]))))
    return torch.from_numpy(v.reshape(shape))


def image_batch(kind, shape):
    v = hashed("input." + kind, int(np.prod(shape)))
    return torch.from_numpy((np.floor(v * 128) if kind == "pixel" else v * 2).reshape(shape))


class LRN(nn.Module):
    """The normalization of the Zhihu article: an average of squares over channels or
    over a window in each channel, and the constant 1."""

    def __init__(self, size, alpha, beta, across):
        super().__init__()
        half = (size - 1) // 2
        self.across, self.alpha, self.beta = across, alpha, beta
        self.average = nn.AvgPool3d((size, 1, 1), 1, (half, 0, 0)) if across else nn.AvgPool2d(size, 1, half)

    def forward(self, x):
        d = x.pow(2)
        d = self.average(d.unsqueeze(1)).squeeze(1) if self.across else self.average(d)
        return x / (d * self.alpha + 1.0).pow(self.beta)


def block(*layers):
    return nn.Sequential(*layers)


class Net(nn.Module):
    """Modules in order, with the names that give the parameters their names."""

    def __init__(self, flatten_before, **modules):
        super().__init__()
        self.flatten_before = flatten_before
        for name, m in modules.items():
            self.add_module(name, m)

    def forward(self, x):
        for name, m in self.named_children():
            x = m(x.flatten(1) if name == self.flatten_before else x)
        return x


def cifar():
    R = nn.ReLU
    return Net("classifier", features=block(
        nn.Conv2d(3, 64, 3, 2, 1), R(), nn.MaxPool2d(2), nn.Conv2d(64, 192, 3, padding=1), R(), nn.MaxPool2d(2),
        nn.Conv2d(192, 384, 3, padding=1), R(), nn.Conv2d(384, 256, 3, padding=1), R(),
        nn.Conv2d(256, 256, 3, padding=1), R(), nn.MaxPool2d(2)),
        classifier=block(nn.Dropout(), nn.Linear(1024, 4096), R(), nn.Dropout(), nn.Linear(4096, 4096), R(), nn.Linear(4096, 10)))


def pwc():
    R = nn.ReLU
    norm = lambda: nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=2)
    return Net("classifier", net=block(
        nn.Conv2d(3, 96, 11, 4), R(), norm(), nn.MaxPool2d(3, 2), nn.Conv2d(96, 256, 5, padding=2), R(), norm(),
        nn.MaxPool2d(3, 2), nn.Conv2d(256, 384, 3, padding=1), R(), nn.Conv2d(384, 384, 3, padding=1), R(),
        nn.Conv2d(384, 256, 3, padding=1), R(), nn.MaxPool2d(3, 2)),
        classifier=block(nn.Dropout(), nn.Linear(9216, 4096), R(), nn.Dropout(), nn.Linear(4096, 4096), R(), nn.Linear(4096, 1000)))


def zhihu(across=True):
    R = nn.ReLU
    norm = lambda: LRN(5, 1e-4, 0.75, across)
    return Net("layer6",
               layer1=block(nn.Conv2d(3, 96, 11, 4), R(), nn.MaxPool2d(3, 2), norm()),
               layer2=block(nn.Conv2d(96, 256, 5, groups=2, padding=2), R(), nn.MaxPool2d(3, 2), norm()),
               layer3=block(nn.Conv2d(256, 384, 3, padding=1), R()),
               layer4=block(nn.Conv2d(384, 384, 3, padding=1), R()),
               layer5=block(nn.Conv2d(384, 256, 3, padding=1), R(), nn.MaxPool2d(3, 2)),
               layer6=block(nn.Linear(9216, 4096), R(), nn.Dropout()),
               layer7=block(nn.Linear(4096, 4096), R(), nn.Dropout()),
               layer8=nn.Linear(4096, 1000))


def main():
    networks = {
        "cifar": (cifar(), 32), "pwc": (pwc(), 227), "zhihu": (zhihu(), 227),
        "zhihu_within": (zhihu(across=False), 227), "torchvision": (torchvision.models.alexnet(weights=None), 224),
        # Not a multiple of the six bins: the adaptive pool's windows differ in size.
        "torchvision_300": (torchvision.models.alexnet(weights=None), 300),
    }

    for name, (net, side) in networks.items():
        net = net.double().eval()
        net.load_state_dict({k: parameter(k, v.shape) for k, v in net.state_dict().items()})
        for kind in ("normal", "pixel"):
            with torch.no_grad():
                logits = net(image_batch(kind, (2, 3, side, side)))
            logits.numpy().astype("<f8").tofile(f"logits_{name}_{kind}.f64")
            print(name, kind, tuple(logits.shape), float(logits.abs().max()))


if __name__ == "__main__":
    main()
