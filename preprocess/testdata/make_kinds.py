"""Makes kinds/: images of kinds that decoders often refuse, and what Pillow makes of them.

    pip install pillow numpy
    apt install libjpeg-turbo-progs
    python make_kinds.py

They were made with Pillow 12 and 13.
"""

import glob
import io
import json
import struct
import subprocess
import zlib

import numpy as np
from PIL import Image, ImageOps

small = Image.open("photo.png").convert("RGB").crop((40, 30, 83, 61))  # 43x31, odd on purpose
kinds = []


def kind(name, data, tolerance=0, expected=None):
    with open("kinds/" + name, "wb") as f:
        f.write(data)
    got = expected if expected is not None else Image.open(io.BytesIO(data)).convert("RGB")
    got.convert("RGB").save("kinds/" + name + ".expected.png")
    kinds.append({"file": "kinds/" + name, "tolerance": tolerance})


def saved(image, form, **options):
    b = io.BytesIO()
    image.save(b, form, **options)
    return b.getvalue()


def without(jpeg, marker):
    """Takes the segments of a marker out of a JPEG."""
    out, at = jpeg[:2], 2
    while jpeg[at + 1] != 0xDA:
        length = struct.unpack(">H", jpeg[at + 2:at + 4])[0]
        if jpeg[at + 1] != marker:
            out += jpeg[at:at + 2 + length]
        at += 2 + length
    return out + jpeg[at:]


# JPEG.
for name, s in (("420", 2), ("444", 0)):
    kind(f"no_tables_{name}.jpg", without(saved(small, "JPEG", quality=90, subsampling=s), 0xC4), 4)
kind("no_tables_gray.jpg", without(saved(small.convert("L"), "JPEG", quality=90), 0xC4), 4)
kind("cmyk_no_adobe.jpg", without(saved(small.convert("CMYK"), "JPEG", quality=95), 0xEE), 6)
kind("adobe_rgb.jpg", saved(small, "JPEG", quality=95, keep_rgb=True), 4)
kind("restart.jpg", saved(small, "JPEG", quality=90, restart_marker_blocks=2), 4)

# Samplings that few encoders write; Go's decoder knows none of them, so these are libjpeg's own.
for sampling in ("1x1,2x2,2x2", "1x1,2x1,2x1", "2x1,1x2,1x2", "3x1,1x1,1x1", "1x4,1x1,1x1", "2x4,1x1,1x1", "2x2,2x1,1x2", "4x1,2x1,1x1"):
    for options in ([], ["-progressive"]):
        command = ["cjpeg", "-quality", "90", "-sample", sampling, *options]
        data = subprocess.run(command, input=saved(small, "PPM"), capture_output=True, check=True).stdout
        kind(f"sampling_{sampling.replace(',', '_')}{''.join(options)}.jpg", data)
arithmetic = subprocess.run(["cjpeg", "-arithmetic"], input=saved(small, "PPM"), capture_output=True, check=True).stdout
kind("arithmetic.jpg", arithmetic)

# EXIF orientation of other whole types, in both orders of bytes. Pillow keeps what is stored.
upright = Image.new("RGB", (24, 16), (250, 20, 20))
upright.paste((20, 20, 250), (0, 8, 12, 16))
stored = upright.transpose(Image.Transpose.ROTATE_90)  # as a camera stores it with orientation 6
for code, letter in ((1, "B"), (3, "H"), (4, "I"), (6, "b"), (8, "h"), (9, "i")):
    for order, head in (("<", b"II*\0"), (">", b"MM\0*")):
        value = struct.pack(order + letter, 6).ljust(4, b"\0")
        exif = b"Exif\0\0" + head + struct.pack(order + "IHHHI", 8, 1, 274, code, 1) + value + bytes(4)
        kind(f"orientation_type{code}_{head[:2].decode()}.jpg", saved(stored, "JPEG", quality=100, subsampling=0, exif=exif), 12, upright)


# Before a marker there may be any number of fill bytes.
filled = saved(stored, "JPEG", quality=100, subsampling=0, exif=exif)
kind("orientation_filled.jpg", filled[:2] + b"\xff\xff" + filled[2:], 12, upright)


# GIF, written here: Pillow's writer makes only well-behaved ones.
def lzw(pixels, bits=8):
    """Codes of one size: the table is cleared before it grows."""
    clear, codes = 1 << bits, []
    for i, p in enumerate(pixels):
        if i % (clear - 2) == 0:
            codes.append(clear)
        codes.append(p)
    codes.append(clear + 1)
    value = sum(c << (k * (bits + 1)) for k, c in enumerate(codes))
    data = value.to_bytes((len(codes) * (bits + 1) + 7) // 8, "little")
    return data


def blocks(data):
    return b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255)) + b"\0"


rng = np.random.default_rng(8)
ramp = bytes(rng.integers(0, 256, 768, dtype=np.uint8))


def gif(canvas, frame, at=(0, 0), transparent=None, interlace=False, local=None, table=ramp, surplus=b"", after=b"\x3b"):
    pixels = rng.integers(0, 256, (frame[1], frame[0]))
    rows = list(range(frame[1]))
    if interlace:
        rows = rows[0::8] + rows[4::8] + rows[2::4] + rows[1::2]
    out = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0xF7 if table else 0x70, 0, 0) + (table or b"")
    if transparent is not None:
        out += struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 1, 0, transparent, 0)
    out += b"\x21\xfe\x05hello\0"
    out += b"\x2c" + struct.pack("<HHHHB", *at, *frame, (0x40 if interlace else 0) | (0x87 if local else 0)) + (local or b"")
    return out + b"\x08" + blocks(lzw([int(p) for y in rows for p in pixels[y]]) + surplus) + after


kind("interlaced.gif", gif((23, 19), (23, 19), interlace=True))
kind("transparent.gif", gif((23, 19), (23, 19), transparent=7))
kind("small_frame.gif", gif((23, 19), (11, 9), at=(5, 4)))
kind("small_frame_transparent.gif", gif((23, 19), (11, 9), at=(5, 4), transparent=9))
kind("large_frame.gif", gif((10, 8), (23, 19)))
kind("frame_beyond.gif", gif((20, 20), (11, 13), at=(15, 12)))
kind("local_palette.gif", gif((23, 19), (23, 19), local=ramp[::-1]))
kind("no_palette.gif", gif((23, 19), (23, 19), table=None))
kind("surplus.gif", gif((23, 19), (23, 19), surplus=bytes(40)))
kind("no_trailer.gif", gif((23, 19), (23, 19), after=b""))


# BMP, by hand: kinds that Pillow reads and does not write.
def bmp(header, table, data, width=0):
    offset = 14 + len(header) + len(table)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + table + data


def info(w, h, bits, compression, size, colours=0):
    return struct.pack("<IiiHHIIiiII", 40, w, h, 1, bits, compression, size, 2835, 2835, colours, colours)


palette = bytes(rng.integers(0, 256, 4 * 16, dtype=np.uint8))
words = rng.integers(0, 1 << 15, (9, 14), dtype=np.uint16)
kind("555.bmp", bmp(info(14, 9, 16, 0, words.nbytes), b"", words.tobytes()))
kind("565.bmp", bmp(info(14, 9, 16, 3, words.nbytes), struct.pack("<III", 0xF800, 0x7E0, 0x1F), words.tobytes()))
rle8 = b"".join(bytes([4, i, 0, 3, 1, i, 2, 0, 1, 5]) + b"\0\0" for i in range(5)) + b"\0\1"
kind("rle8.bmp", bmp(info(8, 5, 8, 1, len(rle8), 16), palette, rle8))
rle4 = b"".join(bytes([5, 0x10 * i + 3, 3, 0x45]) + b"\0\0" for i in range(5)) + b"\0\1"
kind("rle4.bmp", bmp(info(8, 5, 4, 2, len(rle4), 16), palette, rle4))
rows = rng.integers(0, 256, (9, 44), dtype=np.uint8)
kind("os2.bmp", bmp(struct.pack("<IHHHH", 12, 14, 9, 1, 24), b"", rows.tobytes()))
kind("top_down.bmp", bmp(info(14, -9, 24, 0, rows.nbytes), b"", rows.tobytes()))
reserved = bytearray(saved(small, "BMP"))
reserved[6:10] = b"\x12\x34\x56\x78"
kind("reserved.bmp", bytes(reserved))
kind("32.bmp", bmp(info(7, 9, 32, 0, 252), b"", rng.integers(0, 256, 252, dtype=np.uint8).tobytes()))
kind("1.bmp", saved(small.convert("1"), "BMP"))

# WebP.
other = small.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
kind("animated_lossless.webp", saved(small, "WEBP", save_all=True, append_images=[other], lossless=True, duration=50))
kind("animated_lossy.webp", saved(small, "WEBP", save_all=True, append_images=[other], quality=90, duration=50), 6)
alpha = small.copy()
alpha.putalpha(Image.linear_gradient("L").resize(small.size).point(lambda v: 64 + v // 2))
kind("animated_alpha.webp", saved(alpha, "WEBP", save_all=True, append_images=[other.convert("RGBA")], quality=90, duration=50), 6)

# TIFF.
kind("jpeg.tif", saved(small, "TIFF", compression="jpeg", quality=90), 4)
kind("jpeg_gray.tif", saved(small.convert("L"), "TIFF", compression="jpeg", quality=90), 4)
big = small.resize((90, 200))
kind("jpeg_strips.tif", saved(big, "TIFF", compression="jpeg", quality=90, strip_size=90 * 3 * 16), 4)
kind("deflate.tif", saved(small, "TIFF", compression="tiff_adobe_deflate"))
b = io.BytesIO()
small.convert("YCbCr").save(b, "TIFF", compression="jpeg", quality=90)
kind("jpeg_ycbcr.tif", b.getvalue(), 4)
bits = Image.fromarray(rng.integers(0, 2, (31, 43), dtype=np.uint8) * 255).convert("1")
for name in ("group3", "group4"):
    for zero in (0, 1):  # what is black
        kind(f"{name}_{zero}.tif", saved(bits, "TIFF", compression=name, tiffinfo={262: zero}))
kind("packbits.tif", saved(small, "TIFF", compression="packbits"))
alpha = Image.merge("LA", (small.convert("L"), small.convert("L").rotate(180)))
for name, image in (("la", alpha), ("cmyk", small.convert("CMYK"))):
    kind(f"{name}.tif", saved(image, "TIFF"))
    kind(f"{name}_lzw.tif", saved(image, "TIFF", compression="tiff_lzw"))
    kind(f"{name}_predicted.tif", saved(image, "TIFF", compression="tiff_adobe_deflate", tiffinfo={317: 2}))


def tiled(image, side=16):
    """Writes an image of 8-bit samples in tiles, whose rows are predicted each by itself."""
    pixels = np.asarray(image)
    h, w, n = pixels.shape
    tiles = []
    for y in range(0, h, side):
        for x in range(0, w, side):
            tile = np.zeros((side, side, n), np.uint8)
            part = pixels[y:y + side, x:x + side]
            tile[:part.shape[0], :part.shape[1]] = part
            tile[:, 1:] -= tile[:, :-1].copy()
            tiles.append(zlib.compress(tile.tobytes()))
    meaning = {2: 1, 4: 5}[n]
    values = [(256, 4, [w]), (257, 4, [h]), (258, 3, [8] * n), (259, 3, [8]), (262, 3, [meaning]), (277, 3, [n]), (317, 3, [2]), (322, 4, [side]),
              (323, 4, [side]), (324, 4, [0] * len(tiles)), (325, 4, [len(t) for t in tiles])]
    if n == 2:
        values.append((338, 3, [2]))
    for _ in range(2):  # the second time with the tiles' places
        entries, more = b"", b""
        behind = 8 + 2 + 12 * len(values) + 4
        for tag, form, numbers in values:
            data = struct.pack("<%d%s" % (len(numbers), {3: "H", 4: "I"}[form]), *numbers)
            if len(data) <= 4:
                entries += struct.pack("<HHI", tag, form, len(numbers)) + data.ljust(4, b"\0")
            else:
                entries += struct.pack("<HHII", tag, form, len(numbers), behind + len(more))
                more += data
        at = behind + len(more)
        values[9] = (324, 4, [at + sum(len(t) for t in tiles[:i]) for i in range(len(tiles))])
    return b"II*\0" + struct.pack("<IH", 8, len(values)) + entries + struct.pack("<I", 0) + more + b"".join(tiles)


kind("la_tiled.tif", tiled(alpha))
kind("cmyk_tiled.tif", tiled(small.convert("CMYK")))

# Files that were reported somewhere, made anew; they are kept as they are.
for name in sorted(glob.glob("kinds/case_*")):
    if not name.endswith(".expected.png"):
        with open(name, "rb") as f:
            data = f.read()
        turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        kind(name.removeprefix("kinds/"), data, 4 if name.endswith("jpg") or name.endswith("tif") else 0, turned)

with open("kinds.json", "w") as f:
    json.dump(kinds, f, indent=1)
    f.write("\n")
