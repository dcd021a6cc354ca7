"""PyTorch on the same GPU, for bench/gpu: a line of JSON for each network, batch and TF32.

    python torch_infer.py [SECONDS]

The images start in the host's memory and the logits end there, as in ONNX Runtime's runs.
"""

import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))
import peer
import torch

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
for variant, side in [("cifar", 32), ("torchvision", 224), ("pwc", 227), ("zhihu", 227)]:
    for batch in (1, 32, 256):
        net, host = peer.network(variant, "contiguous", side, batch)
        net = net.eval().cuda()
        for tf32 in (False, True):
            torch.backends.cuda.matmul.allow_tf32 = tf32
            torch.backends.cudnn.allow_tf32 = tf32
            with torch.inference_mode():
                for _ in range(3):
                    net(host.cuda()).cpu()
                runs, begin = 0, time.perf_counter()
                while time.perf_counter() - begin < seconds:
                    net(host.cuda()).cpu()
                    runs += 1
                rate = runs * batch / (time.perf_counter() - begin)
            print(json.dumps({"variant": variant, "batch": batch, "tf32": tf32, "images_per_second": round(rate, 1),
                              "torch": torch.__version__}), flush=True)
