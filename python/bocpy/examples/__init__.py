"""Small programs to read and to run: `python -m bocpy.examples.bank` and its neighbors.

Each checks its own result and exits with 1 if it is wrong.
"""
