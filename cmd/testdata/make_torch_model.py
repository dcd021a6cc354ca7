"""Makes torch_training.onnx beside this file: a small network exported by PyTorch's
TorchScript exporter in training mode, with a symbolic batch and a view that becomes
Shape, Gather, Concat and Reshape.

    pip install torch onnx
    python make_torch_model.py

Made with PyTorch 2.15.
"""

import os

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(4))
        self.drop = nn.Dropout(0.2)
        self.fc1 = nn.Linear(16 * 4 * 4, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = self.features(x)
        x = x.view(x.size(0), x.size(1) * 16)
        return self.fc2(self.drop(torch.relu(self.fc1(self.drop(x)))))


torch.manual_seed(0)
net = Net().train()
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_training.onnx")
torch.onnx.export(net, (torch.zeros(2, 3, 32, 32),), path, dynamo=False, opset_version=17, input_names=["x"], output_names=["y"],
                  dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}},
                  training=torch.onnx.TrainingMode.TRAINING, do_constant_folding=False)
