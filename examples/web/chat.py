"""A chat server on plain asyncio: lines go to all; the history is a cown.

    python examples/web/chat.py [PORT]

Each line is cleaned up and kept by a behavior, on a worker, in the order in which lines
arrive; the event loop only reads and writes.
"""

import asyncio
import contextlib
import sys

from bocpy import Cown, when

HISTORY = 100

history = Cown([])
writers = set()


def keep(history, line, most=HISTORY):
    line = " ".join(line.split())
    history.value.append(line)
    del history.value[:-most]
    return line


async def serve(reader, writer):
    async with history as lines:
        writer.write("".join(f"{line}\n" for line in lines).encode())
    writers.add(writer)
    try:
        while text := await reader.readline():
            line = text.decode(errors="replace")
            kept = await when(history)(lambda history, line=line: keep(history, line))
            for other in list(writers):
                other.write(f"{kept}\n".encode())
    finally:
        writers.discard(writer)
        writer.close()


async def main(port):
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
