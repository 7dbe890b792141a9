"""Runs a file in a Jupyter kernel, a cell for each part between two empty lines, and
prints the output of the cells: `kernel.py FILE`."""

import sys

from jupyter_client.manager import start_new_kernel

LIMIT = 60


def show(message):
    content = message["content"]
    if message["msg_type"] == "stream":
        stream = sys.stdout if content["name"] == "stdout" else sys.stderr
        stream.write(content["text"])
    elif message["msg_type"] == "error":
        sys.stderr.write("\n".join(content["traceback"]) + "\n")


def main(file):
    with open(file, encoding="utf-8") as opened:
        cells = opened.read().split("\n\n\n")
    manager, client = start_new_kernel(startup_timeout=LIMIT)
    try:
        for cell in cells:
            reply = client.execute_interactive(cell, timeout=LIMIT, output_hook=show)
            if reply["content"]["status"] != "ok":
                return 1
        return 0
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
