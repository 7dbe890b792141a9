/* Random: normal, uniform, seed.
 *
 * The generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
 * number generators", OOPSLA 2014): a counter that is hashed, so that taking a number
 * is one addition, and no lock. Normal numbers come in pairs by the polar method
 * (Marsaglia and Bray, "A convenient method for generating normal variables", SIAM
 * Review 6, 1964); a single one leaves the second of its pair. The same seed gives the
 * same numbers everywhere. */
#include "random.h"

#include <math.h>
#include <string.h>

#include "methods.h"

#define GAMMA UINT64_C(0x9E3779B97F4A7C15)
#define CHUNK                                                                          \
  ((size_t)1 << 15) /* normal numbers between two pauses for other threads */

/* The counter after `count` numbers more; they are counter - (count - 1) * GAMMA, ...
 */
static uint64_t random_advance(mx_state *state, uint64_t count) {
#ifdef Py_GIL_DISABLED
  return atomic_fetch_add_explicit(&state->random, count * GAMMA,
                                   memory_order_relaxed) +
         count * GAMMA;
#else
  return state->random += count * GAMMA;
#endif
}

static double random_number(uint64_t counter) {
  uint64_t z = counter;
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  z ^= z >> 31;
  return (double)(z >> 11) * 0x1p-53;
}

static void set_seed(mx_state *state, uint64_t seed) {
#ifdef Py_GIL_DISABLED
  atomic_store_explicit(&state->random, seed, memory_order_relaxed);
#else
  state->random = seed;
#endif
}

int mx_random_init(mx_state *state) {
  uint64_t seed = 0;
  PyObject *os = PyImport_ImportModule("os");
  PyObject *bytes = os ? PyObject_CallMethod(os, "urandom", "n", sizeof seed) : NULL;
  if (bytes && PyBytes_Check(bytes) && PyBytes_GET_SIZE(bytes) == sizeof seed) {
    memcpy(&seed, PyBytes_AS_STRING(bytes), sizeof seed);
    set_seed(state, seed);
  }
  Py_XDECREF(bytes);
  Py_XDECREF(os);
  return bytes ? 0 : -1;
}

/* Takes any int: the bits beyond 64 are cut off. */
PyObject *mx_matrix_seed(PyObject *type, PyObject *value) {
  if (!PyLong_Check(value) && !PyIndex_Check(value)) {
    PyErr_Format(PyExc_TypeError, "seed() needs an int, not %.200s",
                 Py_TYPE(value)->tp_name);
    return NULL;
  }
  PyObject *index = PyNumber_Index(value);
  if (!index)
    return NULL;
  unsigned long long seed = PyLong_AsUnsignedLongLongMask(index);
  Py_DECREF(index);
  if (seed == (unsigned long long)-1 && PyErr_Occurred())
    return NULL;
  set_seed(mx_state_of((PyTypeObject *)type), seed);
  Py_RETURN_NONE;
}

/* ---- distributions --------------------------------------------------------------- */

typedef struct distribution {
  double first, second; /* mean and deviation, or bounds */
} distribution;

typedef void (*draw)(mx_state *state, const distribution *d, double *out, size_t count);

static void draw_uniform(mx_state *state, const distribution *d, double *out,
                         size_t count) {
  uint64_t counter = random_advance(state, count) - (count - 1) * GAMMA;
  double width = d->second - d->first;
  MX_BEGIN_WORK(count)
  for (size_t i = 0; i < count; i++, counter += GAMMA)
    out[i] = d->first + random_number(counter) * width;
  MX_END_WORK()
}

/* Draws a point within the unit circle, and the factor that makes its coordinates
 * normal. */
static double draw_point(mx_state *state, double *out_a, double *out_b) {
  double square;
  do {
    *out_a = 2.0 * random_number(random_advance(state, 1)) - 1.0;
    *out_b = 2.0 * random_number(random_advance(state, 1)) - 1.0;
    square = *out_a * *out_a + *out_b * *out_b;
  } while (square >= 1.0 || square == 0.0);
  return sqrt(-2.0 * log(square) / square);
}

static void draw_normal(mx_state *state, const distribution *d, double *out,
                        size_t count) {
  double a, b;
  for (size_t i = 0; i < count; i += 2) {
    double scale = draw_point(state, &a, &b);
    out[i] = d->first + d->second * a * scale;
    if (i + 1 < count)
      out[i + 1] = d->first + d->second * b * scale;
    if (i % CHUNK == 0 && i) {
      Py_BEGIN_ALLOW_THREADS
      Py_END_ALLOW_THREADS
    }
  }
}

/* Returns a float if no size is given. */
static PyObject *draw_size(draw work, PyTypeObject *type, const distribution *d,
                           PyObject *size) {
  size_t rows, columns;
  mx_state *state = mx_state_of(type);
  if (!size || size == Py_None) {
    double number;
    work(state, d, &number, 1);
    return PyFloat_FromDouble(number);
  }
  if (mx_dimensions_of(size, &rows, &columns) < 0)
    return NULL;
  mx_block *block = mx_block_new(rows, columns);
  if (block)
    work(state, d, block->data, mx_block_size(block));
  return mx_matrix_wrap(type, block);
}

PyObject *mx_matrix_uniform(PyObject *type, PyObject *const *args, Py_ssize_t count,
                            PyObject *names) {
  PyObject *found[3];
  distribution d = {0.0, 1.0};
  MX_SIGNATURE("uniform", 0, 0, 3, "minval", "maxval", "size");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      (found[0] && mx_number(found[0], &d.first) < 0) ||
      (found[1] && mx_number(found[1], &d.second) < 0))
    return NULL;
  return draw_size(draw_uniform, (PyTypeObject *)type, &d, found[2]);
}

PyObject *mx_matrix_normal(PyObject *type, PyObject *const *args, Py_ssize_t count,
                           PyObject *names) {
  PyObject *found[3];
  distribution d = {0.0, 1.0};
  MX_SIGNATURE("normal", 0, 0, 3, "mean", "stddev", "size");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      (found[0] && mx_number(found[0], &d.first) < 0) ||
      (found[1] && mx_number(found[1], &d.second) < 0))
    return NULL;
  return draw_size(draw_normal, (PyTypeObject *)type, &d, found[2]);
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_seed_doc[] =
    "seed($type, value, /)\n"
    "--\n"
    "\n"
    "Starts this interpreter's random numbers anew: the same int gives the same\n"
    "numbers. Each worker has a generator of its own. Returns None. TypeError: no\n"
    "int.\n"
    "\n"
    "Source: SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number\n"
    "generators, OOPSLA 2014).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix.seed(1); first = Matrix.uniform()\n"
    ">>> Matrix.seed(1); first == Matrix.uniform()\n"
    "True";

const char mx_matrix_uniform_doc[] =
    "uniform($type, minval=0.0, maxval=1.0, size=None)\n"
    "--\n"
    "\n"
    "Random numbers between minval and maxval, each as likely as another: a float,\n"
    "or a Matrix of size (rows, columns). AssertionError: a dimension below 1;\n"
    "TypeError: size is no pair of ints.\n"
    "\n"
    "Source: SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom number\n"
    "generators, OOPSLA 2014).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> 0 <= Matrix.uniform() < 1\n"
    "True";

const char mx_matrix_normal_doc[] =
    "normal($type, mean=0.0, stddev=1.0, size=None)\n"
    "--\n"
    "\n"
    "Random numbers of the normal distribution: a float, or a Matrix of size (rows,\n"
    "columns). AssertionError: a dimension below 1; TypeError: size is no pair of\n"
    "ints.\n"
    "\n"
    "Source: the polar method (Marsaglia and Bray, A convenient method for\n"
    "generating normal variables, SIAM Review 6, 1964) on SplitMix64, as uniform().\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix.normal(10, 2, (3, 4)).shape\n"
    "(3, 4)";
