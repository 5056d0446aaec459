"""Stores the large weights of an NNEF archive as 16-bit floats: halve.py NET.nnef.tar OUT.nnef.tar

Each halved variable is cast back to 32 bits in the graph, so the arithmetic stays the same; tract does the
cast once, when it loads the net. Small tensors (biases, slopes) keep their 32 bits.
"""

import io
import re
import struct
import sys
import tarfile

import numpy as np

LARGE = 512
HEADER = 128
VARIABLE = re.compile(r'^(\s*)(\S+) = variable<scalar>\(label = "([^"]+)", (.*)\);$')


def halved(data):
    """The same tensor file with 16-bit items, or None if it is small."""
    size, rank = struct.unpack_from("<II", data, 4)
    bits, kind, vendor = struct.unpack_from("<IHH", data, 44)
    if (bits, kind, vendor) != (32, 0, 0) or size < 4 * LARGE:
        return None
    values = np.frombuffer(data, "<f4", offset=HEADER).astype("<f2").tobytes()
    header = bytearray(data[:HEADER])
    struct.pack_into("<I", header, 4, len(values))
    struct.pack_into("<I", header, 44, 16)
    return bytes(header) + values


def main(source, target):
    with tarfile.open(source) as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
    graph, lines, count = files.pop("graph.nnef").decode(), [], 0
    for line in graph.splitlines():
        match = VARIABLE.match(line)
        small = match and halved(files[match[3] + ".dat"])
        if not small:
            lines.append(line)
            continue
        indent, name, label, rest = match.groups()
        files[label + ".dat"] = small
        lines.append(f'{indent}{name}_half = variable<scalar>(label = "{label}", {rest});')
        lines.append(f'{indent}{name} = tract_core_cast({name}_half, to = "f32");')
        count += 1
    text = "\n".join(lines) + "\n"
    if "tract_core" not in graph:
        text = text.replace("\ngraph ", "\nextension tract_registry tract_core;\n\ngraph ", 1)
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in [("graph.nnef", text.encode()), *sorted(files.items())]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    print(f"{target}: {count} tensors halved")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
