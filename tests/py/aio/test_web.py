"""The web examples, with real clients; those whose packages are installed."""

import asyncio
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness import LIMIT

WEB = Path(__file__).resolve().parents[3] / "examples" / "web"

COMMANDS = {
    "flask": ["-m", "flask", "--app", str(WEB / "flask_app.py"), "run", "--port", "0"],
    "uvicorn": [
        *("-m", "uvicorn", "--app-dir", str(WEB), "fastapi_app:app", "--port", "0")
    ],
}
SERVERS = [
    name
    for name, needs in (("flask", "flask"), ("uvicorn", "fastapi"))
    if importlib.util.find_spec(needs) and importlib.util.find_spec(name)
]
PORT = re.compile(r"(?:127\.0\.0\.1:|port )(\d+)")


def run_server(command, backend):
    """The process, and its port, which it tells; what it says later is thrown away."""
    process = subprocess.Popen(
        [sys.executable, "-u", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "BOCPY_BACKEND": backend},
    )
    seen = []
    for line in process.stdout:
        seen.append(line)
        found = PORT.search(line)
        if found and found.group(1) != "0":
            rest = threading.Thread(target=process.stdout.read, daemon=True)
            rest.start()
            process.rest = rest
            return process, int(found.group(1))
    raise AssertionError("".join(seen))


def stop_server(process):
    process.terminate()
    process.wait(timeout=LIMIT)
    process.rest.join()
    process.stdout.close()


def ask(port, path, method="GET"):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        method=method,
        data=b"" if method != "GET" else None,
    )
    with urllib.request.urlopen(request, timeout=LIMIT) as answer:
        return json.load(answer)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_under_load(name, backend):
    process, port = run_server(COMMANDS[name], backend)
    try:
        with ThreadPoolExecutor(8) as clients:
            paths = [f"/visit/{page}" for page in ("home", "about")] * 40
            answers = list(clients.map(lambda path: ask(port, path, "POST"), paths))
        counted = [a["visits"] for a in answers if a["page"] == "home"]
        assert sorted(counted) == list(range(1, 41))
        assert ask(port, "/") == {"home": 40, "about": 40, "news": 0}
        with pytest.raises(urllib.error.HTTPError, match="404"):
            ask(port, "/visit/nowhere", "POST")
    finally:
        stop_server(process)


def test_the_chat_server(backend):
    process, port = run_server([str(WEB / "chat.py")], backend)

    async def client(name, lines):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for n in range(lines):
            writer.write(f"{name}   says {n}\n".encode())
        seen = []
        while sum(line.startswith(f"{name} says") for line in seen) < lines:
            seen.append((await asyncio.wait_for(reader.readline(), LIMIT)).decode())
            assert seen[-1], "the server has closed the connection"
        writer.close()
        return [line for line in seen if line.startswith(f"{name} ")]

    async def main():
        all_seen = await asyncio.gather(*(client(f"c{i}", 10) for i in range(5)))
        for i, seen in enumerate(all_seen):
            assert seen == [f"c{i} says {n}\n" for n in range(10)]

    try:
        asyncio.run(main())
    finally:
        stop_server(process)
