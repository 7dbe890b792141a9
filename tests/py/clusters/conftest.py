"""Tests that need an engine are collected only where one is installed."""

import importlib.util

if not importlib.util.find_spec("distributed"):
    collect_ignore = [
        "test_cluster_ends.py",
        "test_engines.py",
        "test_examples_on_clusters.py",
    ]
