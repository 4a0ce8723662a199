"""Golden of GGUF dequantisation: random blocks of every supported type, as llama.cpp's `gguf` package reads them.

The raw bytes are random too (not only what a quantiser would write), with finite half-precision scales.
Run: python reference/gguf_golden.py
"""

from __future__ import annotations

import numpy
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize, quantize

from common import b64, write_golden

SEED = 20241200
BLOCKS = 3
# Byte offsets of the half-precision scales inside a block.
SCALES = {
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q8_0": [0],
    "Q6_K": [208],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "IQ4_NL": [0],
}
# Types that the package reads and cannot write.
NOT_QUANTISED = {"Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL"}


def random_blocks(name: str, generator: numpy.random.Generator) -> numpy.ndarray:
    """Random bytes [BLOCKS * type size] whose scales are finite halves, one of them subnormal, one negative."""
    kind = GGMLQuantizationType[name]
    size = GGML_QUANT_SIZES[kind][1]
    blocks = generator.integers(0, 256, (BLOCKS, size), dtype=numpy.uint8)
    for place, offset in enumerate(SCALES[name]):
        # Scale and minimum of a block differ, so that no reader can take one for the other.
        scales = numpy.roll(numpy.array([0.0123, -1.75, 6e-8], dtype=numpy.float16), place)
        blocks[:, offset : offset + 2] = scales.view(numpy.uint8).reshape(BLOCKS, 2)
    return blocks.reshape(-1)


def entry(name: str, raw: numpy.ndarray, origin: str) -> dict:
    """One golden entry: raw bytes and their float32 values, both base64, little endian."""
    kind = GGMLQuantizationType[name]
    values = dequantize(raw, kind).astype("<f4").reshape(-1)
    return {"type": name, "typeId": int(kind), "origin": origin, "count": int(values.size), "raw": b64(raw.tobytes()), "values": b64(values.tobytes())}


def main() -> None:
    generator = numpy.random.default_rng(SEED)
    entries = []
    normal = generator.standard_normal(256).astype(numpy.float32)
    entries.append(entry("F32", normal.view(numpy.uint8), "normal"))
    halves = numpy.concatenate([normal[:60].astype(numpy.float16), numpy.array([0.0, -0.0, 6e-8, 65504.0], numpy.float16)])
    entries.append(entry("F16", halves.view(numpy.uint8), "normal and extremes"))
    for name in SCALES:
        entries.append(entry(name, random_blocks(name, generator), "random bytes"))
        if name in NOT_QUANTISED:
            continue
        entries.append(entry(name, quantize(normal, GGMLQuantizationType[name]).reshape(-1), "quantised normal"))
    write_golden(
        "gguf-blocks",
        __file__,
        ["gguf", "numpy"],
        {"note": "raw and values are base64, little endian, values float32; expected exactly", "entries": entries},
        seed=SEED,
    )


if __name__ == "__main__":
    main()
