"""The modules of `run.py`: `c`, `cpp` and `python` run programs, `tables` prints,
`plot` draws."""
