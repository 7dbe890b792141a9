"""Takes a picture of each page of the site, at the width of a desktop and of a phone.

    ./dev docs && python tools/screenshots.py .dev/docs OUT [PAGE ...]

It needs Chromium (`chromium`, `chromium-browser` or `google-chrome` on PATH). What to
look at: no page is wider than its window (the script measures that and fails); the text
begins above the navigation; pictures and tables are whole, in light and in dark.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: Nothing but the page: no start page, no update, no look-up of other hosts.
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
#: Sets the page's title to how far its content sticks out, for `--dump-dom`.
MEASURE = (
    "<script>addEventListener('load', () => {"
    "document.title = 'sticks-out:' + Math.max(0,"
    "document.documentElement.scrollWidth - innerWidth);});</script>"
)


class Measured(http.server.SimpleHTTPRequestHandler):
    """Serves the site; a page asked for with `?measure` measures itself."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if "measure" not in query or not path.endswith(".html"):
            return super().do_GET()
        text = Path(self.translate_path(path)).read_text(encoding="utf-8")
        body = text.replace("</body>", MEASURE + "</body>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def browse(browser: str, arguments: list[str], size: tuple[int, int]) -> str:
    with tempfile.TemporaryDirectory() as profile:
        window = f"--window-size={size[0]},{size[1]}"
        command = [browser, *QUIET, f"--user-data-dir={profile}", window, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.stdout


def sticks_out(browser: str, url: str, size: tuple[int, int]) -> int:
    """By how many pixels the page is wider than its window."""
    dom = browse(browser, ["--virtual-time-budget=3000", "--dump-dom", url], size)
    found = re.search(r"sticks-out:(\d+)", dom)
    if not found:
        raise SystemExit(f"{url} could not be measured")
    return int(found[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("site", type=Path, help="the folder with the HTML")
    parser.add_argument("out", type=Path, help="where the pictures go")
    parser.add_argument("pages", nargs="*", help="such as guide/tutorial (all)")
    parser.add_argument("--height", type=int, help="pixels of each picture")
    wanted = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit("no Chromium on PATH (Debian: apt install chromium)")
    every = sorted(p.relative_to(wanted.site) for p in wanted.site.rglob("*.html"))
    pages = [Path(f"{page}.html") for page in wanted.pages] or every
    handler = functools.partial(Measured, directory=str(wanted.site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wanted.out.mkdir(parents=True, exist_ok=True)
    wide = 0
    for page in pages:
        url = f"http://127.0.0.1:{server.server_port}/{page.as_posix()}"
        for name, (width, height) in WIDTHS.items():
            size = (width, wanted.height or height)
            over = sticks_out(browser, f"{url}?measure", size)
            wide += bool(over)
            image = wanted.out / f"{str(page).replace('/', '-')[:-5]}-{name}.png"
            wait = "--virtual-time-budget=3000"
            browse(browser, [wait, f"--screenshot={image}", url], size)
            print(f"{image}" + (f": {over} px too wide" if over else ""), flush=True)
    server.shutdown()
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main())
