"""Makes optimizers.json beside this file: a few steps of PyTorch's optimizers in float64,
the rates of OneCycleLR, and cross entropies with label smoothing.

    pip install torch
    python make_optimizers.py

Made with PyTorch 2.15.
"""

import json
import os

import torch

torch.manual_seed(0)
start = torch.randn(7, dtype=torch.float64)
gradients = [torch.randn(7, dtype=torch.float64) * 2 for _ in range(6)]
result = {"start": start.tolist(), "gradients": [g.tolist() for g in gradients], "optimizers": []}
for name, decay, clip in [("sgd", 0, 0), ("sgd", 0.1, 0), ("nesterov", 0.1, 0), ("adam", 0, 0), ("adam", 0.1, 0), ("adamw", 0.1, 0), ("sgd", 0, 1.5), ("adamw", 0.01, 1.5)]:
    w = torch.nn.Parameter(start.clone())
    opt = {
        "sgd": lambda: torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=decay),
        "nesterov": lambda: torch.optim.SGD([w], lr=0.1, momentum=0.9, weight_decay=decay, nesterov=True),
        "adam": lambda: torch.optim.Adam([w], lr=0.1, weight_decay=decay),
        "adamw": lambda: torch.optim.AdamW([w], lr=0.1, weight_decay=decay),
    }[name]()
    steps = []
    for k, g in enumerate(gradients):
        for group in opt.param_groups:
            group["lr"] = 0.1 / (k + 1)
        w.grad = g.clone()
        if clip:
            torch.nn.utils.clip_grad_norm_([w], clip)
        opt.step()
        steps.append(w.detach().tolist())
    result["optimizers"].append({"name": name, "decay": decay, "clip": clip, "steps": steps})

result["onecycle"] = []
for total in (7, 100, 1410):
    w = torch.nn.Parameter(start.clone())
    opt = torch.optim.SGD([w], lr=1)
    s = torch.optim.lr_scheduler.OneCycleLR(opt, 0.001, total_steps=total, cycle_momentum=False)
    rates = []
    for k in range(total):
        rates.append(opt.param_groups[0]["lr"])
        opt.step()
        if k < total - 1:
            s.step()
    result["onecycle"].append({"total": total, "rates": rates[:: max(1, total // 20)] + [rates[-1]]})

logits = torch.randn(5, 4, dtype=torch.float64) * 3
labels = [0, 3, 1, 1, 2]
result["cross_entropy"] = {"logits": logits.flatten().tolist(), "labels": labels, "losses": [
    [s, torch.nn.functional.cross_entropy(logits, torch.tensor(labels), label_smoothing=s).item()] for s in (0, 0.1, 0.5)]}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "optimizers.json"), "w") as f:
    json.dump(result, f, separators=(",", ":"))
    f.write("\n")
