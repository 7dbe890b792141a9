"""What needs an engine is collected where one is installed: in a leg of its own."""

import importlib.util

if not importlib.util.find_spec("distributed"):
    collect_ignore = [
        "test_cluster_ends.py",
        "test_engines.py",
        "test_examples_on_clusters.py",
    ]
