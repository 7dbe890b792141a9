"""The tests of `./dev` see the modules that it is made of."""

import signal
import sys
from pathlib import Path

# Where the tests run in the background, Ctrl-C is ignored, and would be in programs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
