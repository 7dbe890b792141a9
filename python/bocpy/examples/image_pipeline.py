"""An image pipeline with NumPy: an image is a cown, a step of the pipeline a behavior.

NumPy cannot be imported in a sub-interpreter, so the workers are threads. That costs no
parallelism where it matters: NumPy gives up the GIL inside its loops, and a
free-threaded Python has none. An array in a cown is a plain reference: no step copies
its input.

    python -m bocpy.examples.image_pipeline --images 8 --save .
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bocpy import Cown, start, wait, when
from bocpy.examples._command import count, parser, run_program

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Image = NDArray[np.float32]
    Step = Callable[[Image], None]
else:
    try:
        import numpy as np
    except ImportError:
        np = None

BINS = 16


def shot(number: int, size: int) -> Image:
    """A picture of a noisy gradient with a bright square in it; values are 0 to 1."""
    chance = np.random.default_rng(number)
    ramp = np.linspace(0.1, 0.6, size, dtype=np.float32)
    image = ramp[:, None] * ramp[None, :]
    image += chance.normal(0, 0.05, image.shape).astype(np.float32)
    low = size // 4 + number % (size // 4)
    image[low : low + size // 4, low : low + size // 4] += 0.4
    return np.clip(image, 0, 1, out=image)


def blurred(image: Image) -> Image:
    """The mean of each pixel and its eight neighbors; the frame repeats itself."""
    padded = np.pad(image, 1, mode="edge")
    rows, columns = image.shape
    total = np.zeros_like(image)
    for down in range(3):
        for right in range(3):
            total += padded[down : down + rows, right : right + columns]
    total /= np.float32(9)
    return total


def denoise(image: Image) -> None:
    image[...] = blurred(blurred(image))


def sharpen(image: Image) -> None:
    image += np.float32(1.5) * (image - blurred(image))
    np.clip(image, 0, 1, out=image)


def stretch(image: Image) -> None:
    low, high = image.min(), image.max()
    image -= low
    image /= max(high - low, np.float32(1e-6))


STEPS = (denoise, sharpen, stretch)


def process(images: list[Image]) -> tuple[list[Cown[Image]], list[int]]:
    """Runs the pipeline on all images; returns their cowns, and that of the
    histogram."""
    cowns = [Cown(image) for image in images]
    histogram = Cown([0] * BINS)
    for cown in cowns:
        for step in STEPS:

            @when(cown)
            def _(image: Cown[Image], step: Step = step) -> None:
                step(image.value)

        @when(cown, histogram)
        def _(image: Cown[Image], histogram: Cown[list[int]]) -> None:
            found, _ = np.histogram(image.value, BINS, range=(0, 1))
            histogram.value = [
                a + int(b) for a, b in zip(histogram.value, found, strict=True)
            ]

    wait()
    return cowns, histogram.unwrap()


def plain(images: list[Image]) -> None:
    """The same in a loop."""
    for image in images:
        for step in STEPS:
            step(image)


def save(image: Image, path: Path) -> None:
    """Writes a PGM file, which most viewers show."""
    rows, columns = image.shape
    grays = (image * np.float32(255)).astype(np.uint8)
    path.write_bytes(b"P5 %d %d 255\n" % (columns, rows) + grays.tobytes())


def run(options: argparse.Namespace) -> int:
    """Runs the pipeline and compares; returns the exit code."""
    start(options.workers, backend="threads")
    images = [shot(number, options.size) for number in range(options.images)]
    copies = [image.copy() for image in images]
    cowns, histogram = process(images)
    results = [cown.unwrap() for cown in cowns]
    plain(copies)
    print(f"brightness of {options.images} images of {options.size} x {options.size}:")
    for number, pixels in enumerate(histogram):
        print(f"  {number / BINS:.3f}  {pixels:>9,}")
    if options.save:
        for number, image in enumerate(results):
            save(image, options.save / f"image-{number}.pgm")
    same = all(map(np.array_equal, results, copies))
    moved = any(
        result is not image for result, image in zip(results, images, strict=True)
    )
    print(f"same as in a loop: {same}; an image was copied: {moved}")
    return (
        0
        if same and not moved and sum(histogram) == options.size**2 * len(images)
        else 1
    )


def main(arguments: list[str] | None = None) -> int:
    """Processes some images; returns the exit code, which is 2 without NumPy."""
    line = parser(__doc__, backend=False)
    line.add_argument("--images", type=count, default=6)
    line.add_argument("--size", type=count, default=256, help="pixels, at least 16")
    line.add_argument("--save", type=Path, metavar="FOLDER", help="write PGM files")
    options = line.parse_args(arguments)
    if options.size < 16:
        line.error("--size: at least 16 pixels are needed")
    if np is None:
        line.error("this example needs NumPy: python -m pip install numpy")
    return run(options)


if __name__ == "__main__":
    run_program(main)
