"""Makes python2/ and python3/ beside this file: CIFAR-10's Python form with two images a
batch. python2 is as the published files are (protocol 2, strings of bytes, NumPy's old
module names), python3 what Python 3 makes of the same dictionaries.

    pip install numpy
    python make_cifar.py

Element k of image i is (37 i + 11 k) mod 256; labels are i mod 3.
"""

import os
import pickle

import numpy as np

NAMES = ["airplane", "automobile", "bird"]


def images(first):
    i = np.arange(first, first + 2)[:, None]
    return ((37 * i + 11 * np.arange(3072)) % 256).astype(np.uint8)


def short(b):  # SHORT_BINSTRING, which Python 3 no longer writes
    return b"U" + bytes([len(b)]) + b


def string(b):
    return b"T" + len(b).to_bytes(4, "little") + b


def number(n):
    return b"K" + bytes([n])


def python2_batch(x, labels):
    dtype = b"cnumpy\ndtype\n(" + short(b"u1") + number(0) + number(1) + b"tR(" + number(3) + short(b"|") + b"NNN" + \
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xff" + number(0) + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(" + number(0) + b"t" + short(b"b") + b"tR(" + \
        number(1) + b"(" + number(len(x)) + b"M" + (3072).to_bytes(2, "little") + b"t" + dtype + b"\x89" + string(x.tobytes()) + b"tb"
    items = b"(" + short(b"data") + array + short(b"labels") + b"](" + b"".join(number(v) for v in labels) + b"e" + \
        short(b"batch_label") + short(b"a batch") + b"u"
    return b"\x80\x02}q\x01" + items + b"."


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    batches = {f"data_batch_{i + 1}": (images(2 * i), [(2 * i) % 3, (2 * i + 1) % 3]) for i in range(5)}
    batches["test_batch"] = (images(0), [0, 1])
    for version in ("python2", "python3"):
        folder = os.path.join(here, version)
        os.makedirs(folder, exist_ok=True)
        for name, (x, labels) in batches.items():
            with open(os.path.join(folder, name), "wb") as f:
                if version == "python2":
                    content = python2_batch(x, labels)
                    back = pickle.loads(content, encoding="bytes")
                    assert (back[b"data"] == x).all() and back[b"labels"] == labels
                else:
                    content = pickle.dumps({b"data": x, b"labels": labels, b"batch_label": b"a batch"}, protocol=2 if "5" in name else 4)
                f.write(content)
        meta = {"label_names": NAMES, "num_vis": 3072}
        with open(os.path.join(folder, "batches.meta"), "wb") as f:
            f.write(pickle.dumps(meta, protocol=2))


main()
