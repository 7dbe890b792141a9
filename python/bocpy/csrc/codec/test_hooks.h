/* Test hooks: functions with which the package's own tests call the codec.
 *
 * Only the Meson option `test_hooks` builds them: no published wheel has them.
 *
 *   _codec_encode(value, root="value")  a capsule: the buffer
 *   _codec_decode(buffer)               a new value
 *   _codec_size(buffer)                 bytes
 *   _codec_inline(value, capacity)      (size, decoded copy), or None: it does not fit
 *   _codec_check(value, root="value")   None, or the refusal
 */
#ifndef BOCPY_TEST_HOOKS_H
#define BOCPY_TEST_HOOKS_H

#include "codec.h"

/* Entries for the module's method table. */
#ifdef BOCPY_TEST_HOOKS
PyObject *bocpy_test_encode(PyObject *module, PyObject *args);
PyObject *bocpy_test_decode(PyObject *module, PyObject *capsule);
PyObject *bocpy_test_size(PyObject *module, PyObject *capsule);
PyObject *bocpy_test_inline(PyObject *module, PyObject *args);
PyObject *bocpy_test_check(PyObject *module, PyObject *args);
/* clang-format off */
#define BOCPY_TEST_METHODS \
  {"_codec_encode", bocpy_test_encode, METH_VARARGS, NULL}, \
  {"_codec_decode", bocpy_test_decode, METH_O, NULL}, \
  {"_codec_size", bocpy_test_size, METH_O, NULL}, \
  {"_codec_inline", bocpy_test_inline, METH_VARARGS, NULL}, \
  {"_codec_check", bocpy_test_check, METH_VARARGS, NULL},
/* clang-format on */
#else
#define BOCPY_TEST_METHODS
#endif

#endif
