"""The peer of `alexctl build`: construct the Papers-with-Code form and export it.

    python export_torch.py OUT.onnx [dynamo]
"""

import sys

import torch
from torch import nn


def network():
    R, norm = nn.ReLU, lambda: nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=2)
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4), R(), norm(), nn.MaxPool2d(3, 2), nn.Conv2d(96, 256, 5, padding=2), R(), norm(),
        nn.MaxPool2d(3, 2), nn.Conv2d(256, 384, 3, padding=1), R(), nn.Conv2d(384, 384, 3, padding=1), R(),
        nn.Conv2d(384, 256, 3, padding=1), R(), nn.MaxPool2d(3, 2), nn.Flatten(), nn.Dropout(), nn.Linear(9216, 4096), R(),
        nn.Dropout(), nn.Linear(4096, 4096), R(), nn.Linear(4096, 1000)).eval()


dynamo = len(sys.argv) > 2
x = torch.zeros(1, 3, 227, 227)
if dynamo:
    torch.onnx.export(network(), (x,), sys.argv[1], dynamo=True, external_data=False, dynamic_shapes=({0: torch.export.Dim("N")},))
else:
    torch.onnx.export(network(), (x,), sys.argv[1], dynamo=False, opset_version=13,
                      input_names=["input"], dynamic_axes={"input": {0: "N"}})
