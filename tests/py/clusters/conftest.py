"""What needs an engine is collected where one is installed: in a leg of its own."""

import importlib.util

if not importlib.util.find_spec("distributed"):
    collect_ignore = ["test_ends.py", "test_engines.py"]
