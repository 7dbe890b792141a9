"""The web examples, with real clients; those whose packages are installed."""

import asyncio
import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
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


def run_server(command, backend, **environment):
    """The process, and its port, which it tells; what it says later is thrown away."""
    process = subprocess.Popen(
        [sys.executable, "-u", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            **os.environ,
            "BOCPY_BACKEND": backend,
            "BOCPY_WORKERS": "2",
            **environment,
        },
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


#: Requests that are slow: their behavior ends once a file is there.
SLOW = {
    "flask": """
        from flask_app import PAGES, app, jsonify, when
        from slow_body import wait_for_file

        @app.post("/slow/<name>")
        def slow(name):
            made = when(PAGES[name])(wait_for_file)
            return jsonify(visits=made.result(timeout=60))
    """,
    "uvicorn": """
        from fastapi_app import PAGES, app, when
        from slow_body import wait_for_file

        @app.post("/slow/{name}")
        async def slow(name: str):
            return {"visits": await when(PAGES[name])(wait_for_file)}
    """,
}
SLOW_BODY = """
    import os, time

    def wait_for_file(page):
        while not os.path.exists({path!r}):
            time.sleep(0.005)
        return page.value
"""
SLOW_COMMANDS = {
    "flask": ["-m", "flask", "--app", "slow_app", "run", "--port", "0"],
    "uvicorn": ["-m", "uvicorn", "slow_app:app", "--port", "0"],
}


@pytest.mark.parametrize("name", SERVERS)
def test_no_request_waits_for_the_cowns_of_another(name, backend, tmp_path):
    """80 requests over two pages are served while 4 wait for the third."""
    door = tmp_path / "door"
    text = textwrap.dedent(SLOW[name])
    (tmp_path / "slow_app.py").write_text(text, encoding="utf-8")
    body = textwrap.dedent(SLOW_BODY).format(path=str(door))
    (tmp_path / "slow_body.py").write_text(body, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(WEB), os.environ.get("PYTHONPATH", "")])
    process, port = run_server(SLOW_COMMANDS[name], backend, PYTHONPATH=path)
    try:
        with ThreadPoolExecutor(12) as clients:
            late = [clients.submit(ask, port, "/slow/news", "POST") for _ in range(4)]
            paths = [f"/visit/{page}" for page in ("home", "about")] * 40
            answers = list(clients.map(lambda path: ask(port, path, "POST"), paths))
            assert sorted(a["visits"] for a in answers) == sorted([*range(1, 41)] * 2)
            assert not any(future.done() for future in late)
            door.touch()
            assert [future.result() for future in late] == [{"visits": 0}] * 4
    finally:
        door.touch()
        stop_server(process)


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


CLIENTS, LINES = 20, 30


class ChatClient:
    """Sends its lines as fast as it can, and reads what the server sends to all."""

    def __init__(self, name):
        self.name = name
        self.seen = []

    async def join(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.writer.write(f"{self.name} joins\n".encode())
        await self.read_until(lambda line: line == f"{self.name} joins\n", 1)
        self.seen.clear()

    async def read_until(self, wanted, count):
        while count:
            raw = await asyncio.wait_for(self.reader.readline(), LIMIT)
            assert raw, "the server has closed the connection"
            line = raw.decode()
            self.seen.append(line)
            count -= wanted(line)

    async def talk(self):
        for n in range(LINES):
            self.writer.write(f"{self.name} says {n}\n".encode())
            await asyncio.sleep(0)
        await self.read_until(lambda line: " says " in line, CLIENTS * LINES)


def test_the_chat_server_under_load(backend):
    """All clients see all lines in the same order, though one of them never reads and
    one goes away."""
    process, port = run_server([str(WEB / "chat.py")], backend)

    async def main():
        clients = [ChatClient(f"c{i}") for i in range(CLIENTS)]
        silent, gone = ChatClient("silent"), ChatClient("gone")
        for client in [silent, gone, *clients]:
            await client.join(port)
        gone.writer.transport.abort()
        await asyncio.gather(*(client.talk() for client in clients))
        talks = [[line for line in c.seen if " says " in line] for c in clients]
        for client in [silent, *clients]:
            client.writer.close()
        return talks

    try:
        talks = asyncio.run(main())
        assert all(talk == talks[0] for talk in talks)
        for i in range(CLIENTS):
            mine = [line for line in talks[0] if line.startswith(f"c{i} ")]
            assert mine == [f"c{i} says {n}\n" for n in range(LINES)]
    finally:
        stop_server(process)
