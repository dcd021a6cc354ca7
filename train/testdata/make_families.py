"""Makes families.json.gz and families/*.onnx.gz beside this file: what PyTorch computes in three
training steps of one member of each family of convolutional networks, in float64, from weights and
batches that both sides compute from an integer hash (see verify/testdata/make_logits.py). Dropout and
stochastic depth are off; batch normalization trains.

    pip install torch torchvision onnx numpy
    python make_families.py

The ONNX files are PyTorch's own exports for training, without the weights: what was an initializer is
an input, which the test fills by its name and by what reads it. For each network: the losses of the
steps; for each parameter, 4 evenly spaced elements of the gradient of the first step and of the final
value, and the largest magnitude of each; the same of the final running statistics; how many parameters
the network has, and how many products its convolutions and dense layers do for one image.
Made with PyTorch 2.15 and torchvision 0.29.
"""

import gzip
import io
import json
import os
import sys

import numpy as np
import onnx
import torch
import torchvision
from torch import nn

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "../../verify/testdata"))
from make_logits import hashed, parameter  # noqa: E402

SAMPLES, SIDE, BATCH, STEPS, CLASSES = 4, 64, 4, 3, 10


def network(name):
    kw = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    net = getattr(torchvision.models, name)(weights=None, num_classes=CLASSES, **kw)
    if name == "vgg11_bn":  # for the size here: two by two positions are left
        net.avgpool = nn.Identity()
        net.classifier[0], net.classifier[3], net.classifier[6] = nn.Linear(2048, 256), nn.Linear(256, 256), nn.Linear(256, CLASSES)
    net.double().train()
    norms = set()
    for path, m in net.named_modules():
        if isinstance(m, (nn.Dropout, torchvision.ops.StochasticDepth)):
            m.eval()
        if isinstance(m, nn.BatchNorm2d):
            norms.add(path)
    state = net.state_dict()
    for k, v in state.items():
        if k.rsplit(".", 1)[0] in norms:
            if k.endswith("weight"):
                state[k] = (1 + parameter(k, v.shape)).float().double()  # what float32 holds
            elif k.endswith("bias"):
                state[k] = parameter(k, v.shape)
        else:
            state[k] = parameter(k, v.shape)
    net.load_state_dict(state)
    return net


def sample(t):
    v = t.detach().double().flatten().numpy()
    return {"values": v[np.arange(SAMPLES) * len(v) // SAMPLES].tolist(), "largest": float(np.abs(v).max())}


def batch(step):
    x = hashed(f"batch.{step}", BATCH * 3 * SIDE * SIDE).reshape(BATCH, 3, SIDE, SIDE) * 2
    y = np.floor((hashed(f"labels.{step}", BATCH) + 1) * 5).astype(np.int64)
    return torch.from_numpy(x).double(), torch.from_numpy(y)


def export(net, path):
    f = io.BytesIO()
    torch.onnx.export(net.float(), torch.zeros(BATCH, 3, SIDE, SIDE), f, dynamo=False, opset_version=17, training=torch.onnx.TrainingMode.PRESERVE,
                      do_constant_folding=False, input_names=["input"], output_names=["logits"], dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
    m = onnx.load_from_string(f.getvalue())
    for t in m.graph.initializer:
        m.graph.input.append(onnx.helper.make_tensor_value_info(t.name, t.data_type, t.dims))
    del m.graph.initializer[:]
    del m.graph.value_info[:]
    with gzip.GzipFile(path, "wb", mtime=0) as z:
        z.write(m.SerializeToString())


def count(net):
    """Parameters, and products of the convolutions and dense layers for one image."""
    macs = [0]

    def hook(m, _, out):
        macs[0] += out.numel() * m.weight[0].numel()

    hooks = [m.register_forward_hook(hook) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    net.eval()
    net(torch.zeros(1, 3, SIDE, SIDE).double())
    for h in hooks:
        h.remove()
    return sum(p.numel() for p in net.parameters()), macs[0]


def train(name):
    parameters, macs = count(network(name))
    net = network(name)
    opt = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    losses, gradients = [], {}
    for step in range(STEPS):
        x, y = batch(step)
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        if step == 0:
            gradients = {k: sample(p.grad) for k, p in net.named_parameters()}
        opt.step()
        losses.append(loss.item())
    final = {k: sample(v) for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    return {"network": name, "input": SIDE, "batch": BATCH, "parameters": parameters, "macs": macs, "float64": {"losses": losses, "gradients": gradients, "final": final}}


os.makedirs(os.path.join(here, "families"), exist_ok=True)
runs = []
for name in ["resnet18", "mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1", "densenet121", "googlenet", "shufflenet_v2_x0_5", "efficientnet_b0", "vgg11_bn"]:
    runs.append(train(name))
    export(network(name), os.path.join(here, "families", name + ".onnx.gz"))
    print(name, runs[-1]["float64"]["losses"], flush=True)
with gzip.GzipFile(os.path.join(here, "families.json.gz"), "wb", mtime=0) as z:
    z.write(json.dumps(runs, separators=(",", ":")).encode())
