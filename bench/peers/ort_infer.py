"""Inference of ONNX Runtime from Python on random images.

    python ort_infer.py MODEL SIDE BATCH

For each line of the standard input it runs three times and answers with the seconds of
the quickest.
"""

import sys
import time

import numpy as np
import onnxruntime

model, side, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 2
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
x = {session.get_inputs()[0].name: np.random.default_rng(1).standard_normal((batch, 3, side, side), dtype=np.float32)}
for _ in sys.stdin:
    best = float("inf")
    for _ in range(3):
        begin = time.perf_counter()
        session.run(None, x)
        best = min(best, time.perf_counter() - begin)
    print(best, flush=True)
