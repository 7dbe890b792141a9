"""What the codec decides in Python: how instances of which class are encoded.

The encoding itself, values as bytes, is written in C, in csrc/codec. Which functions,
classes and globals other interpreters get is decided in `_ship`.
"""
