"""Exports torchvision's classifiers, the smallest member of each family, with random weights, to a
folder: by PyTorch's older exporter at opsets 13 and 17 and by the newer one at its own, in evaluation
mode with a dynamic batch; three of them in int8 besides, where onnxruntime is installed (QDQ form); and
counts.json with the parameters and the products of convolutions and dense layers as PyTorch counts them.
What is there already stays.

    python export.py FOLDER [NAME ...]
"""

import json
import os
import sys
import warnings

import onnx
import torch
import torchvision
from torch import nn

warnings.filterwarnings("ignore")

NAMES = """alexnet vgg11 vgg11_bn resnet18 resnext50_32x4d wide_resnet50_2 squeezenet1_1 densenet121 googlenet
inception_v3 shufflenet_v2_x0_5 mobilenet_v2 mobilenet_v3_small mnasnet0_5 efficientnet_b0 efficientnet_v2_s
regnet_y_400mf convnext_tiny vit_b_16 swin_t maxvit_t""".split()
QUANTIZED = ["resnet18", "mobilenet_v2", "squeezenet1_1"]


def side(name):
    return 299 if name == "inception_v3" else 224


def network(name):
    torch.manual_seed(0)
    kw = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    net = getattr(torchvision.models, name)(weights=None, **kw)
    for m in net.modules():
        if isinstance(m, nn.Linear) and not m.weight.any():  # a head that is zero hides everything
            nn.init.normal_(m.weight, std=0.02)
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean.normal_(std=0.1)
            m.running_var.uniform_(0.5, 1.5)
    return net.eval()


def export(name, form, path):
    x = torch.randn(2, 3, side(name), side(name))
    kw = {"input_names": ["input"], "output_names": ["logits"]}
    if form == "dyn":
        kw.update(dynamo=True, external_data=False, verbose=False, dynamic_shapes=({0: torch.export.Dim("batch")},))
    else:
        kw.update(dynamo=False, opset_version=int(form[2:]), dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})
    torch.onnx.export(network(name), (x,), path, **kw)


def quantize(source, path, n):
    import numpy as np
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Images(CalibrationDataReader):
        def __init__(self):
            r = np.random.default_rng(0)
            self.left = [{"input": r.standard_normal((1, 3, n, n), dtype=np.float32)} for _ in range(4)]

        def get_next(self):
            return self.left.pop() if self.left else None

    quantize_static(source, path, Images(), quant_format=QuantFormat.QDQ, per_channel=True)


def count(name):
    """For one image. Attention's own dense layers are functions, not modules: they are not counted."""
    net, macs = network(name), [0]

    def hook(m, _, out):
        macs[0] += out.numel() * m.weight[0].numel()

    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            m.register_forward_hook(hook)
    with torch.no_grad():
        net(torch.zeros(1, 3, side(name), side(name)))
    return {"parameters": sum(p.numel() for p in net.parameters()), "macs": macs[0]}


folder, names = sys.argv[1], sys.argv[2:] or NAMES
os.makedirs(folder, exist_ok=True)
for form in ["ts13", "ts17", "dyn"]:
    for name in names:
        path = os.path.join(folder, f"{name}-{form}.onnx")
        if os.path.exists(path):
            continue
        try:
            export(name, form, path + ".part")
            onnx.checker.check_model(path + ".part")
            os.rename(path + ".part", path)
        except Exception as e:  # what an exporter cannot do is no fault of the model's
            print(f"{name}-{form}: {str(e).splitlines()[0]}", flush=True)
            if os.path.exists(path + ".part"):
                os.remove(path + ".part")
for name in QUANTIZED:
    source, path = (os.path.join(folder, f"{name}-{form}.onnx") for form in ("ts17", "qdq"))
    if name in names and os.path.exists(source) and not os.path.exists(path):
        try:
            quantize(source, path + ".part", side(name))
            os.rename(path + ".part", path)
        except ImportError:
            print(f"{name}-qdq: onnxruntime is not installed", flush=True)
path = os.path.join(folder, "counts.json")
counts = json.load(open(path)) if os.path.exists(path) else {}
counts.update({name: count(name) for name in names if name not in counts})
with open(path, "w") as f:
    json.dump(counts, f, indent=1)
