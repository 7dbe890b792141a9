"""What `run.py` is made of: `c` and `python` run programs, `tables` prints."""
