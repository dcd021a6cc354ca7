"""Makes the test images beside this file and golden.json, which says what Pillow
and torchvision make of them. Run it in this folder:

    pip install pillow torch torchvision numpy      (and cjpeg, of libjpeg-turbo-progs)
    python make_golden.py

golden.json was made with Pillow 13.0.0 and torchvision 0.29.2; Pillow
before 13 does the two passes of a resize in another order for some sizes.
"""

import hashlib
import io
import json
import struct
import subprocess
import zlib

import numpy as np
from PIL import Image
import torchvision
from torchvision import transforms

PHOTO = "../../testdata/images/cat.jpg"


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


golden = {"resize": [], "decode": [], "tensor": []}

# A lossless crop of a photograph and deterministic noise: sources for resizing.
photo = Image.open(PHOTO).convert("RGB").crop((100, 60, 261, 187))  # 161x127
photo.save("photo.png")
rng = np.random.default_rng(5)
noise = Image.fromarray(rng.integers(0, 256, (37, 53, 3), dtype=np.uint8))
noise.save("noise.png")
photo.convert("L").save("gray.png")

for name in ("photo.png", "noise.png", "gray.png"):
    source = Image.open(name)
    for size in ((64, 64), (227, 227), (20, 90), (161, 30), (53, 37), (7, 5), (1, 1), (300, 11)):
        golden["resize"].append({"file": name, "width": size[0], "height": size[1],
                                 "sha256": sha(np.asarray(source.resize(size, Image.BILINEAR)))})

# Formats. What is decoded is stored as PNG, to be compared pixel by pixel.
small = photo.crop((40, 30, 83, 61))  # 43x31, odd on purpose


def case(name, tolerance, save, expected=None):
    save(name)
    got = expected if expected is not None else Image.open(name).convert("RGB")
    got.convert("RGB").save(name + ".expected.png")
    golden["decode"].append({"file": name, "tolerance": tolerance})


for label, subsampling in (("444", 0), ("422", 1), ("420", 2)):
    case(f"ycc{label}.jpg", 4, lambda n, s=subsampling: small.save(n, quality=92, subsampling=s))


def save440(name):
    """4:4:0, which Pillow cannot write: by libjpeg's own program."""
    ppm = io.BytesIO()
    small.save(ppm, "PPM")
    with open(name, "wb") as f:
        subprocess.run(["cjpeg", "-quality", "92", "-sample", "1x2"], input=ppm.getvalue(), stdout=f, check=True)


case("ycc440.jpg", 4, save440)
case("progressive.jpg", 4, lambda n: small.save(n, quality=92, subsampling=2, progressive=True))
case("gray.jpg", 4, lambda n: small.convert("L").save(n, quality=92))
case("cmyk.jpg", 6, lambda n: small.convert("CMYK").save(n, quality=95))
case("tiny.jpg", 4, lambda n: small.crop((0, 0, 3, 3)).save(n, quality=92, subsampling=2))
for o in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = o
    upright = Image.new("RGB", (24, 16))
    upright.paste((250, 20, 20), (0, 0, 12, 8))
    upright.paste((20, 250, 20), (12, 0, 24, 8))
    upright.paste((20, 20, 250), (0, 8, 12, 16))
    # How a camera would have stored the upright picture with orientation o.
    back = {1: None, 2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE,
            6: Image.ROTATE_90, 7: Image.TRANSVERSE, 8: Image.ROTATE_270}[o]
    stored = upright if back is None else upright.transpose(back)
    case(f"orientation{o}.jpg", 12, lambda n, s=stored, e=exif: s.save(n, quality=100, subsampling=0, exif=e), upright)
exif = Image.Exif()
exif[0x0112] = 6
case("orientation6.png", 0, lambda n: upright.transpose(Image.ROTATE_90).save(n, exif=exif), upright)
case("orientation6.webp", 0, lambda n: upright.transpose(Image.ROTATE_90).save(n, lossless=True, exif=exif), upright)
case("palette.png", 0, lambda n: small.quantize(13).save(n))
case("palette_alpha.png", 0, lambda n: small.quantize(13).save(n, transparency=3))
alpha = small.copy()
alpha.putalpha(Image.linear_gradient("L").resize(small.size))
case("alpha.png", 0, lambda n: alpha.save(n))
case("gray_alpha.png", 0, lambda n: alpha.convert("LA").save(n))
case("bilevel.png", 0, lambda n: small.convert("1").save(n))
case("palette.gif", 0, lambda n: small.quantize(31).save(n))
case("plain.bmp", 0, lambda n: small.save(n))
case("palette.bmp", 0, lambda n: small.quantize(200).save(n))
case("lossless.webp", 0, lambda n: small.save(n, lossless=True))
case("lossy.webp", 6, lambda n: small.save(n, quality=90))
case("plain.tiff", 0, lambda n: small.save(n))
case("lzw.tiff", 0, lambda n: small.save(n, compression="tiff_lzw"))


def png16(name, array, color):
    """Writes a 16-bit PNG, which Pillow cannot do in colour."""
    h, w = array.shape[:2]
    raw = b"".join(b"\0" + array[y].astype(">u2").tobytes() for y in range(h))
    chunk = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 16, color, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


deep = np.asarray(small).astype(np.uint16) * 256 + rng.integers(0, 256, (31, 43, 3), dtype=np.uint16)
case("deep.png", 0, lambda n: png16(n, deep, 2))
# Pillow clips 16-bit grey to white; the upper byte is what is meant.
case("deep_gray.png", 0, lambda n: png16(n, deep[:, :, 0], 0), Image.fromarray((deep[:, :, 0] >> 8).astype(np.uint8)))

# Whole transforms, to the bit.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
for name in ("photo.png", "noise.png"):
    for resize, crop in ((256, 227), (256, 224), (64, 64), (40, 32), (30, 41)):
        t = transforms.Compose([transforms.Resize(resize), transforms.CenterCrop(crop), transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
        golden["tensor"].append({"file": name, "resize": resize, "crop": crop, "sha256": sha(t(Image.open(name).convert("RGB")).numpy())})

with open("golden.json", "w") as f:
    json.dump(golden, f, indent=1)
