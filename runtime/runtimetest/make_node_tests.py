"""Writes the node tests of the installed onnx package to a folder, in the form of libonnx-testdata: newer
ones than Debian's. TestNewestOfficial runs them on the reference.

    pip install onnx
    python make_node_tests.py FOLDER
    ALEXCTL_NODE_TESTS=FOLDER go test ./runtime/reference -run TestNewestOfficial -v
"""

import os
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

warnings.filterwarnings("ignore")


def write(path, value, declared):
    kind = declared.type.WhichOneof("value")
    if kind != "tensor_type" or not isinstance(value, (np.ndarray, np.generic, onnx.TensorProto)):
        return False
    t = value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(np.asarray(value), declared.name)
    with open(path, "wb") as f:
        f.write(t.SerializeToString())
    return True


written = 0
for case in collect_testcases(None):
    if case.model is None:
        continue
    folder = os.path.join(sys.argv[1], case.name)
    os.makedirs(folder, exist_ok=True)
    ok = True
    for i, (inputs, outputs) in enumerate(case.data_sets):
        data = os.path.join(folder, f"test_data_set_{i}")
        os.makedirs(data, exist_ok=True)
        for kind, values, declared in (("input", inputs, case.model.graph.input), ("output", outputs, case.model.graph.output)):
            for k, (v, d) in enumerate(zip(values, declared)):
                ok = ok and write(os.path.join(data, f"{kind}_{k}.pb"), v, d)
    if ok:
        onnx.save(case.model, os.path.join(folder, "model.onnx"))
        written += 1
print(written, "tests of", onnx.__version__)
