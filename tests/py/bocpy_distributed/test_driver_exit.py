"""The ends of drivers, and a worker that is cut off from all other machines.

The second needs network namespaces: the test exists where the kernel lets this user
make them.
"""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import engines
import pytest

pytestmark = pytest.mark.filterwarnings("default")

DRIVER = """
    import os, sys, time
    from distributed import Client
    from bocpy.distributed import connect

    def note(cown, log=sys.argv[2]):
        with open(log, "a") as file:
            file.write(f"{time.monotonic()}\\n")
        time.sleep(0.02)

    if __name__ == "__main__":
        d = connect(Client(sys.argv[1]))
        cowns = [d.Cown(0) for _ in range(4)]
        for _ in range(500):
            for cown in cowns:
                d.when(cown)(note)
        print("scheduled", flush=True)
        time.sleep(60)
"""


def started(log):
    text = log.read_text() if log.exists() else ""
    return [float(line) for line in text.splitlines()]


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_nothing_begins_a_second_after_the_drivers_death(tmp_path, signum):
    """The driver dies or is stopped: workers begin nothing once a second has passed
    without it."""
    program = tmp_path / "driver.py"
    program.write_text(textwrap.dedent(DRIVER))
    log = tmp_path / "log"
    with engines.dask() as cluster:
        address = cluster.client.scheduler.address
        driver = subprocess.Popen(
            [sys.executable, program, address, log], stdout=subprocess.PIPE, text=True
        )
        try:
            assert driver.stdout.readline() == "scheduled\n"
            engines.until(lambda: len(started(log)) > 20)
            driver.send_signal(signum)
            died = time.monotonic()
            time.sleep(2.5)
            late = [moment for moment in started(log) if moment > died + 1.0]
            assert late == []
            before = len(started(log))
            if signum == signal.SIGSTOP:
                driver.send_signal(signal.SIGCONT)
                engines.until(lambda: len(started(log)) > before)
        finally:
            driver.kill()
            driver.communicate()


def test_a_program_that_ends_finishes_what_it_has_scheduled(tmp_path):
    program = tmp_path / "driver.py"
    text = textwrap.dedent(DRIVER).replace("range(500)", "range(5)")
    program.write_text(text.replace("time.sleep(60)", "pass"))
    log = tmp_path / "log"
    with engines.dask() as cluster:
        command = [sys.executable, program, cluster.client.scheduler.address, log]
        done = subprocess.run(command, timeout=engines.LIMIT, check=False)
        assert done.returncode == 0
        assert len(started(log)) == 20


# ---- network namespaces


class Namespaces:
    """A bridge on this machine with a few hosts on it, each a network namespace of its
    own: `a` for the scheduler and the driver, the others for one worker each."""

    def __init__(self, hosts):
        self.hosts = hosts
        self.tag = f"boc{os.getpid() % 10000}"
        self.running = []

    def ip(self, *words, host=None):
        inside = ["ip", "netns", "exec", self.name(host)] if host is not None else []
        subprocess.run([*inside, "ip", *words], check=True, capture_output=True)

    def name(self, host):
        return f"{self.tag}-{host}"

    def address(self, host):
        return f"10.213.7.{self.hosts.index(host) + 1}"

    def __enter__(self):
        hub = self.name("hub")
        try:
            self.ip("netns", "add", hub)
            self.ip("link", "add", "hub", "type", "bridge", host="hub")
            self.ip("link", "set", "hub", "up", host="hub")
            for host in self.hosts:
                self.join(host)
        except BaseException:
            self.__exit__()
            raise
        return self

    def join(self, host):
        self.ip("netns", "add", self.name(host))
        pair = ["type", "veth", "peer", "name", "eth0", "netns", self.name(host)]
        self.ip("link", "add", f"to-{host}", *pair, host="hub")
        self.ip("link", "set", f"to-{host}", "master", "hub", "up", host="hub")
        self.ip("link", "set", "lo", "up", host=host)
        self.ip("addr", "add", f"{self.address(host)}/24", "dev", "eth0", host=host)
        self.ip("link", "set", "eth0", "up", host=host)

    def cut(self, host):
        """Cuts a host off: no packet reaches or leaves it, and it does not notice."""
        self.ip("link", "set", f"to-{host}", "down", host="hub")

    def start(self, host, *command, **options):
        whole = ["ip", "netns", "exec", self.name(host), *command]
        process = subprocess.Popen(whole, text=True, **options)
        self.running.append(process)
        return process

    def __exit__(self, *exc):
        for process in self.running:
            process.kill()
            process.communicate()
        for host in (*self.hosts, "hub"):
            command = ["ip", "netns", "delete", self.name(host)]
            subprocess.run(command, check=False, capture_output=True)


def may_make_namespaces():
    if os.name != "posix" or not shutil.which("ip") or os.geteuid():
        return False
    name = f"boc-probe-{os.getpid()}"
    made = subprocess.run(
        ["ip", "netns", "add", name], check=False, capture_output=True
    )
    subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
    return made.returncode == 0


CUT = """
    import os, sys, time
    from distributed import Client
    from bocpy.distributed import CownLost, connect

    def note(cown, log=sys.argv[2]):
        with open(log, "a") as file:
            file.write(f"{time.monotonic()}\\n")
        cown.value += 1
        time.sleep(0.01)

    if __name__ == "__main__":
        client = Client(sys.argv[1])
        client.wait_for_workers(3)
        d = connect(client, timeout=2)
        cowns = [d.Cown(0) for _ in range(6)]
        for cown in cowns:
            d.when(cown)(note)
        d.wait()
        where = d.who_has()
        last = [d.when(cown)(note) for _ in range(400) for cown in cowns][-6:]
        print(sum("10.213.7.4" in where[cown._id] for cown in cowns), flush=True)
        began = time.monotonic()
        sys.stdin.readline()
        lost = kept = 0
        for cown in cowns:
            try:
                cown.unwrap(60)
                kept += 1
            except CownLost as error:
                assert "10.213.7.4" in error.node, error.node
                lost += 1
        print(lost, kept, flush=True)
        os._exit(0)
"""


def a_worker_that_is_cut_off(tmp_path):
    """The worker's cowns are lost and named, other workers go on, and it begins nothing
    more."""
    program = tmp_path / "driver.py"
    program.write_text(textwrap.dedent(CUT))
    log = tmp_path / "log"
    bin_ = Path(sys.executable).parent
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with Namespaces(["a", "b", "c", "x"]) as net:
        address = f"tcp://{net.address('a')}:8786"
        scheduler = [bin_ / "dask", "scheduler", "--host", net.address("a")]
        net.start("a", *scheduler, "--port", "8786", "--no-dashboard", **quiet)
        for host in ("b", "c", "x"):
            worker = [bin_ / "dask", "worker", address, "--host", net.address(host)]
            worker += ["--nthreads", "1", "--no-dashboard", "--no-nanny"]
            net.start(host, *worker, **quiet)
        driver = net.start(
            "a",
            sys.executable,
            program,
            address,
            log,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        there = int(driver.stdout.readline())
        assert there > 0
        net.cut("x")
        driver.stdin.write("cut\n")
        driver.stdin.flush()
        began = time.monotonic()
        lost, kept = map(int, driver.stdout.readline().split())
        assert (lost, kept) == (there, 6 - there)
        assert time.monotonic() - began < 40


if may_make_namespaces():
    test_a_worker_that_is_cut_off = a_worker_that_is_cut_off
