"""A consumer of a matrix's memory may give it up on any thread."""

import os

import pytest

#: PyDLL keeps the GIL while the other thread deletes the tensor.
PROGRAM = """
import ctypes
from bocpy import Matrix

class Managed(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p), ("device", ctypes.c_int32 * 2),
        ("ndim", ctypes.c_int32), ("dtype", ctypes.c_uint8 * 4),
        ("shape", ctypes.c_void_p), ("strides", ctypes.c_void_p),
        ("offset", ctypes.c_uint64), ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]

api, system = ctypes.pythonapi, ctypes.PyDLL(None)
api.PyCapsule_GetPointer.restype = ctypes.c_void_p
api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
api.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
system.pthread_create.argtypes = [ctypes.c_void_p] * 4
system.pthread_join.argtypes = [ctypes.c_void_p] * 2
used = b"used_dltensor"

m = Matrix(2, 3, [1, 2, 3, 4, 5, 6])
tensor = m.__dlpack__()
try:
    m.transpose(in_place=True)
except BufferError:
    print("exported")
address = api.PyCapsule_GetPointer(tensor, b"dltensor")
api.PyCapsule_SetName(tensor, used)
thread = ctypes.c_void_p()
deleter = Managed.from_address(address).deleter
assert system.pthread_create(ctypes.addressof(thread), None, deleter, address) == 0
assert system.pthread_join(thread, None) == 0
m.transpose(in_place=True)
print(m.shape, m.sum())
"""


@pytest.mark.parametrize("source", [PROGRAM] if os.name == "posix" else [])
def test_a_tensor_is_deleted_on_a_thread_without_a_gil(program, backend, source):
    assert program(source).lines == ["exported", "(3, 2) 21.0"]
