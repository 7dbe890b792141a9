"""Takes a picture of each page of the site: desktop and phone, light and dark.

    ./dev docs && python tools/screenshots.py .dev/docs OUT [PAGE ...]

It needs Chromium (`chromium`, `chromium-browser` or `google-chrome` on PATH), and talks
to it over a pipe, because a window of Chromium is never narrower than 500 pixels: a
phone has to be emulated. A page that is wider than its screen fails the run, as does
one whose scripts or files fail. What is left to the eye: the text begins above the
navigation; pictures and tables are whole and readable; nothing is dark on dark.
"""

from __future__ import annotations

import argparse
import base64
import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, ClassVar

SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: Only the page: no start page, no update, no requests to other hosts.
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
#: How far the page is wider than its screen, its height, and what sticks out: elements
#: past the right edge with no box around them that scrolls.
MEASURE = """(() => {
  const width = document.documentElement.clientWidth;
  const scrolls = e => e && (e.clientWidth < e.scrollWidth
    && ['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX)
    || scrolls(e.parentElement));
  const out = [...document.querySelectorAll('article *')].filter(e =>
    e.getBoundingClientRect().right > width + 1 && e.checkVisibility()
    && !e.closest('svg svg, svg *') && !scrolls(e.parentElement));
  return {
    over: Math.max(0, document.documentElement.scrollWidth - width),
    height: document.documentElement.scrollHeight,
    out: out.slice(0, 3).map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 40)),
  };
})()"""


class Site(http.server.SimpleHTTPRequestHandler):
    """Serves the site without a line for each request; `missing` has what it lacks."""

    missing: ClassVar[list[str]] = []

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        if len(args) > 1 and str(args[1]) == "404":
            self.missing.append(str(args[0]))


class Browser:
    """Chromium's DevTools protocol over the pipe of file descriptors 3 and 4."""

    def __init__(self, program: str, profile: str) -> None:
        its_input, self._to = os.pipe()
        self._from, its_output = os.pipe()
        # The child's 3 and 4: copied out of the way first, in case they are taken.
        shell = f'exec "$0" "$@" 3<&{its_input} 4>&{its_output}'
        options = [*QUIET, f"--user-data-dir={profile}", "--remote-debugging-pipe"]
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", shell, program, *options],
            pass_fds=(its_input, its_output),
            stderr=subprocess.DEVNULL,
        )
        os.close(its_input)
        os.close(its_output)
        self._waiting = b""
        self._count = 0
        self._page = ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._page = attached["sessionId"]
        for domain in ("Page", "Runtime"):
            self.call(f"{domain}.enable")

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            chunk = os.read(self._from, 1 << 16)
            if not chunk:
                raise SystemExit("the browser has ended")
            self._waiting += chunk
        message, _, self._waiting = self._waiting.partition(b"\0")
        return dict(json.loads(message))

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        self._count += 1
        call = {"id": self._count, "method": method, "params": parameters}
        if self._page:
            call["sessionId"] = self._page
        os.write(self._to, json.dumps(call).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])
            self.events.append(answer)

    def show(self, size: tuple[int, int], scheme: str) -> None:
        """The screen on which the next pages are shown."""
        width, height = size
        phone = width < 600
        screen = {"width": width, "height": height, "mobile": phone}
        self.call(
            "Emulation.setDeviceMetricsOverride", deviceScaleFactor=1 + phone, **screen
        )
        dark = {"name": "prefers-color-scheme", "value": scheme}
        still = {"name": "prefers-reduced-motion", "value": "no-preference"}
        self.call("Emulation.setEmulatedMedia", features=[dark, still])

    def open(self, url: str) -> None:
        """Loads the page, and all files that it needs."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(e["method"] == "Page.loadEventFired" for e in self.events):
            self.events.append(self._next())
        self.evaluate("new Promise(done => setTimeout(done, 150))")

    def evaluate(self, expression: str) -> Any:
        answer = self.call(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
        )
        return answer["result"].get("value")

    def failures(self) -> list[str]:
        """The exceptions that the scripts of this page have raised."""
        raised = "Runtime.exceptionThrown"
        return [
            str(event["params"]["exceptionDetails"].get("text"))
            for event in self.events
            if event["method"] == raised
        ]

    def picture(self, target: Path, size: tuple[int, int], height: int) -> None:
        clip = {"x": 0, "y": 0, "width": size[0], "height": height, "scale": 1}
        answer = self.call(
            "Page.captureScreenshot", clip=clip, captureBeyondViewport=True
        )
        target.write_bytes(base64.b64decode(answer["data"]))

    def close(self) -> None:
        self._page = ""
        self.call("Browser.close")
        self._process.wait(timeout=30)


def look(browser: Browser, url: str, stem: Path, most: int, schemes: list[str]) -> int:
    """Takes pictures of one page on each screen; returns how many pages have failed."""
    wrong = 0
    for name, size in SCREENS.items():
        for scheme in schemes:
            browser.show(size, scheme)
            browser.open(url)
            seen = browser.evaluate(MEASURE)
            image = stem.with_name(f"{stem.name}-{name}-{scheme}.png")
            browser.picture(image, size, min(most or size[1], seen["height"]))
            faults = browser.failures() + seen["out"]
            if seen["over"]:
                faults.append(f"{seen['over']} px too wide")
            wrong += bool(faults)
            print(image, *faults, sep="\n    ", flush=True)
    return wrong


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("site", type=Path, help="the folder with the HTML")
    parser.add_argument("out", type=Path, help="where the pictures go")
    parser.add_argument("pages", nargs="*", help="such as guide/tutorial (all)")
    parser.add_argument(
        "--height",
        type=int,
        default=0,
        help="at most so many pixels of each page (what fits the screen)",
    )
    parser.add_argument("--scheme", choices=SCHEMES, help="one of them (both)")
    return parser.parse_args()


def main() -> int:
    wanted = arguments()
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise SystemExit("no Chromium on PATH (Debian: apt install chromium)")
    every = sorted(p.relative_to(wanted.site) for p in wanted.site.rglob("*.html"))
    pages = [Path(f"{page}.html") for page in wanted.pages] or every
    schemes = [wanted.scheme] if wanted.scheme else list(SCHEMES)
    handler = functools.partial(Site, directory=str(wanted.site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wanted.out.mkdir(parents=True, exist_ok=True)
    wrong = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        for page in pages:
            url = f"http://127.0.0.1:{server.server_port}/{page.as_posix()}"
            stem = wanted.out / str(page).replace("/", "-")[: -len(".html")]
            wrong += look(browser, url, stem, wanted.height, schemes)
        browser.close()
    server.shutdown()
    for request in Site.missing:
        print(f"not in the site: {request}")
    return 1 if wrong or Site.missing else 0


if __name__ == "__main__":
    sys.exit(main())
