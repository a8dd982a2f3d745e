"""Takes the two pictures of book/grading.md: a feedback page and the class page of the twelve invented students.

By hand, where the pages have changed (needs node, node_modules and Chromium, as the browser tests do):

    python -m tests.browser.guide_pictures
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from course_gan.grade.report import write_reports
from tests.grade_samples import ASSIGNMENT, sample_class

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "book" / "_static" / "grading"
# Which page becomes which picture, and before which of its headings it is cut off.
PAGES = {
    "feedback": ("feedback/*bruno-silva*.html", "KL between two Gaussians"),
    "class": ("class.html", "Total variation from its definition"),
}
COLORS = 64
SHOOT = """
import { chromium } from 'playwright-core';
const [executablePath, address, heading, picture] = process.argv.slice(1);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const size = { viewport: { width: 640, height: 900 }, deviceScaleFactor: 2 };
const page = await browser.newPage({ ...size, colorScheme: 'light' });
await page.goto(address);
const end = await page.getByRole('heading', { name: heading, exact: true }).evaluate(
  (found) => (found.closest('.card') ?? found).getBoundingClientRect().top);
await page.screenshot({ path: picture, fullPage: true, clip: { x: 0, y: 0, width: 640, height: end - 4 } });
await browser.close();
"""


def take(address: str, heading: str, picture: Path) -> None:
    """One page down to a heading, with few colors, for a small file."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    node = ["node", "--input-type=module", "-e", SHOOT, str(chromium), address, heading, str(picture)]
    subprocess.run(node, cwd=ROOT, check=True)
    with Image.open(picture) as shot:
        small = shot.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        write_reports(out, ASSIGNMENT, sample_class(), box="bubblewrap")
        for name, (pattern, heading) in PAGES.items():
            (page,) = out.glob(pattern)
            picture = PICTURES / f"{name}.png"
            take(page.as_uri(), heading, picture)
            print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size} bytes")


if __name__ == "__main__":
    main()
