"""Judges camera frames as a user would with OpenCV, ONNX Runtime and numpy: judge.py NETS detect|track [iris]

detect  cv2.FaceDetectorYN in every frame, then the face mesh twice (in the detected box, and in the box of the first)
track   the detector every 400 ms or when the face is lost; between, the mesh once where the face was
iris    opening of both eyes by MediaPipe's iris net, in frames that pass everything else; without it the opening is
        read from the mesh

The formulas and limits of the measures are those of kiosk-enroll's profile `standard`. Reads lines "PATH MILLIS" (of
the capture) and answers each with "NANOSECONDS FACE PASSED"; "forget" starts anew.
"""

import os
import sys
import time

import cv2
import numpy as np
import onnxruntime

DETECTOR_SIZE = (320, 180)
VIEW, EYES, EYE_DISTANCE = (192, 224), np.float32([96, 92]), 60
OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377]
OVAL += [152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
LINEAR = np.float32([v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(256) / 255])
LOOKS = [(1.6, 11, 13, 0.0), (0.8, 7, 9, 0.02)]


def net(folder, name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(os.path.join(folder, name), options, ["CPUExecutionProvider"])


def square(picture, center, side, angle, cells, mirrored=False):
    """A turned square of the picture as the net's input, and the way back into the picture."""
    cos, sin = np.cos(angle) * side / cells, np.sin(angle) * side / cells
    half = cells / 2
    back = np.float32([[cos, -sin, center[0] - half * (cos - sin)], [sin, cos, center[1] - half * (sin + cos)]])
    crop = cv2.warpAffine(picture, back, (cells, cells), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    if mirrored:
        crop = cv2.flip(crop, 1)
    return cv2.dnn.blobFromImage(crop, 1 / 255, swapRB=True), back


class Judge:
    def __init__(self, nets, follow, iris):
        self.follow = follow
        self.detector = cv2.FaceDetectorYN.create(
            os.path.join(nets, "face_detection_yunet_2023mar.onnx"), "", DETECTOR_SIZE, 0.7, 0.3
        )
        self.mesh_net = net(nets, "face_landmark.onnx")
        self.iris_net = net(nets, "iris_landmark.onnx") if iris else None
        table = os.path.join(os.path.dirname(__file__), "../../models/canonical_face_468.csv")
        canonical = np.loadtxt(table, delimiter=",", skiprows=1)
        self.canonical = canonical - canonical.mean(0)
        self.forget()

    def forget(self):
        self.region, self.searched, self.earlier = None, 0, []

    def mesh(self, picture, center, side, angle):
        crop, back = square(picture, center, side, angle, 192)
        points, flag = self.mesh_net.run(None, {self.mesh_net.get_inputs()[0].name: crop})
        points = points.reshape(-1, 3)
        flat = points[:, :2] @ back[:, :2].T + back[:, 2]
        found = np.column_stack([flat, points[:, 2] * side / 192])
        return found, flag.ravel()[0] > 0

    def detect(self, picture):
        small = cv2.resize(picture, DETECTOR_SIZE, interpolation=cv2.INTER_AREA)
        _, faces = self.detector.detect(small)
        if faces is None:
            return None
        face = max(faces, key=lambda f: f[2] * f[3]) * (picture.shape[1] / DETECTOR_SIZE[0])
        angle = np.arctan2(face[7] - face[5], face[6] - face[4])
        return face[:2] + face[2:4] / 2, 1.5 * max(face[2], face[3]), angle

    def find(self, picture, now):
        if self.follow and self.region is not None:
            if now - self.searched >= 400:
                self.searched = now
                self.detect(picture)
            points, there = self.mesh(picture, *self.region)
            if there:
                return points
        self.region = None
        self.searched = now
        found = self.detect(picture)
        if found is None:
            return None
        points, there = self.mesh(picture, *found)
        if there:
            points, there = self.mesh(picture, *around(points))
        return points if there else None

    def judge(self, data, now):
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
        points = self.find(picture, now)
        if points is None:
            self.forget()
            return False, False
        self.region = around(points)
        return True, self.passes(picture, points, now)

    def passes(self, picture, points, now):
        right, left = points[[33, 133], :2].mean(0), points[[263, 362], :2].mean(0)
        distance = np.linalg.norm(left - right)
        yaw, pitch, roll = self.pose(points)
        height, width = picture.shape[:2]
        chin = np.linalg.norm(points[152, :2] - (right + left) / 2)
        frontal = abs(yaw) <= 12 and abs(pitch) <= 15 and abs(roll) <= 12
        placed = distance / np.cos(np.radians(yaw)) >= 60 and chin / height <= 0.42
        view, oval = aligned(picture, points, right, left)
        grey = cv2.cvtColor(view, cv2.COLOR_BGR2GRAY).astype(np.float32)
        light = (LINEAR[view] @ np.float32([0.0722, 0.7152, 0.2126])) * 255
        shares = np.bincount((light[oval] + 0.5).astype(np.int32), minlength=256) / oval.sum()
        mean = shares @ np.arange(256) / 255
        lit = 0.08 <= mean <= 0.75 and shares[:26].sum() <= 0.6 and shares[247:].sum() <= 0.1
        even = uniformity(light, (points[61, :2] + points[291, :2]) / 2, right, left) >= 0.2
        sharp = max(blur(grey, oval, *look) for look in LOOKS) <= 0.65
        still = self.still((right + left) / 2, distance, now)
        lips = max(np.linalg.norm(points[a, :2] - points[b, :2]) for a, b in ((13, 14), (82, 87), (312, 317)))
        if not (frontal and placed and lit and even and sharp and still and lips / chin <= 0.2):
            return False
        return bool(self.eyes(picture, points) >= (0.26 if self.iris_net else 0.15))

    def pose(self, points):
        seen = points * [1, -1, -1]
        u, _, vt = np.linalg.svd((seen - seen.mean(0)).T @ self.canonical)
        r = u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt
        angles = np.arctan2(r[0, 2], r[2, 2]), np.arcsin(-r[1, 2]), np.arctan2(r[1, 0], r[1, 1])
        return np.degrees(angles)

    def still(self, middle, distance, now):
        self.earlier = [e for e in self.earlier if now - e[0] <= 134] + [(now, middle)]
        then, place = self.earlier[0]
        return now == then or np.linalg.norm(middle - place) / distance / (now - then) * 1000 <= 0.5

    def eyes(self, picture, points):
        if self.iris_net is None:
            lids = ((159, 145, 33, 133), (386, 374, 263, 362))
            p = points[:, :2]
            return min(np.linalg.norm(p[a] - p[b]) / np.linalg.norm(p[c] - p[d]) for a, b, c, d in lids)
        return min(self.eye(picture, *points[[33, 133], :2], False), self.eye(picture, *points[[362, 263], :2], True))

    def eye(self, picture, a, b, mirrored):
        angle = np.arctan2(b[1] - a[1], b[0] - a[0])
        crop, _ = square(picture, (a + b) / 2, 2.3 * np.linalg.norm(b - a), angle, 64, mirrored)
        outline = self.iris_net.run(None, {self.iris_net.get_inputs()[0].name: crop})[0].reshape(-1, 3)[:, :2]
        lids = np.linalg.norm(outline[1:8] - outline[9:16], axis=1).max()
        return lids / np.linalg.norm(outline[0] - outline[8])


def around(points):
    """Where to look for the mesh again: its box with half as much around, turned until the eyes are level."""
    angle = np.arctan2(*(points[263] - points[33])[[1, 0]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    flat = points[:, :2] @ turn
    low, high = flat.min(0), flat.max(0)
    return turn @ ((low + high) / 2), 1.5 * (high - low).max(), angle


def aligned(picture, points, right, left):
    """The face upright with 60 pixels between the eyes, and the mask of its oval."""
    x, y = (left - right) / EYE_DISTANCE
    middle = (left + right) / 2
    back = np.float32([[x, -y, 0], [y, x, 0]])
    back[:, 2] = middle - back[:, :2] @ EYES
    view = cv2.warpAffine(picture, back, VIEW, flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP)
    outline = (points[OVAL, :2] - middle) @ np.linalg.inv(back[:, :2]).T + EYES
    mask = np.zeros(VIEW[::-1], np.uint8)
    cv2.fillPoly(mask, [outline.round().astype(np.int32)], 1)
    return view, mask.astype(bool)


def uniformity(light, mouth, right, left):
    """What the histograms of both cheeks have in common."""
    to_view = lambda p: (p - (right + left) / 2) * EYE_DISTANCE / np.linalg.norm(left - right) + EYES
    half = round(0.15 * EYE_DISTANCE)
    histograms = []
    for eye in (right, left):
        x, y = round(to_view(eye)[0]), round((to_view(eye)[1] + to_view(mouth)[1]) / 2)
        cheek = light[max(y - half, 0) : y + half, max(x - half, 0) : x + half].ravel()
        histograms.append(np.bincount((cheek / 8).astype(np.int32).clip(0, 31), minlength=32) / max(cheek.size, 1))
    return np.minimum(*histograms).sum()


def blur(grey, oval, sigma, taps, box, offset):
    """What the face loses when it is blurred once more (Crete 2007)."""
    soft = cv2.GaussianBlur(grey, (taps, taps), sigma, borderType=cv2.BORDER_REPLICATE)
    worst = 0.0
    for axis, kernel in ((1, (box, 1)), (0, (1, box))):
        again = cv2.blur(soft, kernel, borderType=cv2.BORDER_REPLICATE)
        detail = np.abs(np.diff(soft, axis=axis))
        lost = np.maximum(detail - np.abs(np.diff(again, axis=axis)), 0)
        where = oval[:, 1:] if axis else oval[1:]
        worst = max(worst, 1 - lost[where].sum() / max(detail[where].sum(), 1e-6))
    return worst - offset


def main(nets, mode, *more):
    cv2.setNumThreads(1)
    judge = Judge(nets, mode == "track", "iris" in more)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "forget":
            judge.forget()
            continue
        path, millis = line.split()
        data = np.fromfile(path, np.uint8)
        began = time.perf_counter_ns()
        face, passed = judge.judge(data, int(millis))
        print(time.perf_counter_ns() - began, int(face), int(passed), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
