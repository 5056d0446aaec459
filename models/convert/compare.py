"""Checks that a finished net says the same as its original.

compare.py CONVERT NET.nnef.tar ORIGINAL.(onnx|tflite) PICTURE...

CONVERT is this folder's program, which runs the archive with the engine of the agent; the original is run by
ONNX Runtime or LiteRT. Inputs are random squares of the pictures and one of noise. Prints the differences
of every output and fails beyond LIMITS.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

SAMPLES = 40
# Largest and mean difference allowed in any one output. Mesh and iris: pixels of the net's input (192 or 64), and the logit of
# the face flag. YuNet: probabilities, and box and point values in strides where the score is 0.3 or more.
LIMITS = {
    "face_landmark": (0.01, 0.001),
    "iris_landmark": (0.05, 0.02),
    "face_detection_yunet": (0.02, 0.002),
}


def inputs(pictures, shape, scale, bgr):
    """Squares of the pictures, resized to the net's input, as float32 N x 3 x rows x columns."""
    random = np.random.default_rng(468)
    _, _, rows, columns = shape
    samples = [random.uniform(0, scale, (3, rows, columns))]
    while len(samples) < SAMPLES:
        picture = Image.open(pictures[len(samples) % len(pictures)]).convert("RGB")
        side = random.uniform(0.35, 1.0) * min(picture.size)
        x, y = (random.uniform(0, whole - side) for whole in picture.size)
        crop = picture.resize((columns, rows), Image.Resampling.BILINEAR, (x, y, x + side, y + side))
        values = np.asarray(crop, np.float32)[:, :, :: -1 if bgr else 1]
        samples.append(values.transpose(2, 0, 1) * (scale / 255))
    return np.stack(samples).astype(np.float32)


def original_of_onnx(path, width, height):
    import onnx
    import onnxruntime

    from rewrite import fix_size

    net = fix_size(onnx.load(path), width, height)
    options = onnxruntime.SessionOptions()
    # It warns that the outputs declare no shape.
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(net.SerializeToString(), options, ["CPUExecutionProvider"])
    return lambda x: session.run(None, {session.get_inputs()[0].name: x[None]})


def original_of_tflite(path):
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(path)
    net.allocate_tensors()

    def run(x):
        net.set_tensor(net.get_input_details()[0]["index"], x.transpose(1, 2, 0)[None])
        net.invoke()
        return [net.get_tensor(o["index"]).copy() for o in net.get_output_details()]

    return run, net.get_input_details()[0]["shape"][[0, 3, 1, 2]]


def finished(convert, archive, samples):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        samples.tofile(source)
        subprocess.run([convert, "run", archive, source, target], check=True)
        return np.fromfile(target, np.float32).reshape(len(samples), -1)


def relevant(outputs):
    """YuNet's outputs, boxes and points only at anchors that would be detections."""
    found = [np.sqrt(outputs[i] * outputs[3 + i])[..., 0] >= 0.3 for i in range(3)]
    return [o if i < 6 else np.where(found[i % 3][..., None], o, 0) for i, o in enumerate(outputs)], found


def main(convert, archive, original, *pictures):
    if original.endswith(".onnx"):
        width, height = map(int, archive.removesuffix(".nnef.tar").rsplit("_", 1)[1].split("x"))
        run, samples = original_of_onnx(original, width, height), inputs(pictures, (1, 3, height, width), 255, True)
    else:
        run, shape = original_of_tflite(original)
        samples = inputs(pictures, shape, 1, False)
    wanted = [run(x) for x in samples]
    shapes, found = [o.shape for o in wanted[0]], finished(convert, archive, samples)
    ends = np.cumsum([np.prod(s) for s in shapes])[:-1]
    largest = mean = 0.0
    for expected, values in zip(wanted, found):
        values = [v.reshape(s) for v, s in zip(np.split(values, ends), shapes)]
        if original.endswith(".onnx"):
            expected, anchors = relevant(expected)
            values = [v if i < 6 else np.where(anchors[i % 3][..., None], v, 0) for i, v in enumerate(values)]
        differences = [np.abs(a - b) for a, b in zip(expected, values)]
        largest = max(largest, *(d.max() for d in differences))
        mean = max(mean, *(d.mean() for d in differences))
    limit = next(v for k, v in LIMITS.items() if Path(archive).name.startswith(k))
    verdict = "equal" if largest <= limit[0] and mean <= limit[1] else "DIFFERS"
    print(f"{Path(archive).name}: largest difference {largest:.2e} (limit {limit[0]}), mean {mean:.2e} (limit {limit[1]}): {verdict}")
    return verdict == "equal"


if __name__ == "__main__":
    sys.exit(not main(*sys.argv[1:]))
