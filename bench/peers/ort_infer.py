"""Inference of ONNX Runtime from Python on random images. See peer.rounds.

    python ort_infer.py MODEL SIDE BATCH
"""

import sys

import numpy as np
import onnxruntime
import peer

model, side, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 2
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
x = {session.get_inputs()[0].name: np.random.default_rng(1).standard_normal((batch, 3, side, side), dtype=np.float32)}
peer.rounds(lambda: session.run(None, x))
