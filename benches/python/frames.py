"""Makes camera frames of 1280x720 out of the walk-up clip: frames.py CLIP FOLDER

Each picture of the clip (640x480, ten a second) is enlarged to 1280x960 and cut to 1280x720. It comes three times, each
time with fresh noise (standard deviation 3, seeded) over the whole picture, as a camera of 30 frames a second would
send it: JPEG of quality 85 with 4:2:2 sampling.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 85, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]


def main(clip, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(720)
    pictures = sorted(Path(clip).glob("*.jpg"))
    for number, path in enumerate(pictures):
        large = cv2.resize(cv2.imread(str(path)), (1280, 960), interpolation=cv2.INTER_CUBIC)[120:840]
        for copy in range(3):
            noisy = large + random.normal(0, 3, large.shape)
            frame = np.clip(noisy, 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"{3 * number + copy:03}.jpg"), frame, QUALITY)


if __name__ == "__main__":
    main(*sys.argv[1:])
