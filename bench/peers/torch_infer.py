"""Inference of PyTorch on random images. See peer.rounds.

    python torch_infer.py FORM MODE VARIANT SIDE BATCH

FORM is contiguous or channels_last, MODE eager or compile.
"""

import sys

import peer
import torch

form, mode, variant = sys.argv[1:4]
net, x = peer.network(variant, form, int(sys.argv[4]), int(sys.argv[5]))
net.eval()
run = torch.compile(net) if mode == "compile" else net
with torch.inference_mode():
    peer.rounds(lambda: run(x))
