/* Arguments: those of a call, by position or by name.
 *
 * The parameters are named in order. The first `positional_only` of them have no
 * keyword; those after the first `positional` have no position. The first `required`
 * must be given; an argument that is not given is NULL. */
#ifndef MX_ARGUMENTS_H
#define MX_ARGUMENTS_H

#include "compat.h"

typedef struct mx_signature {
  const char *function;
  const char *const *names; /* ends with NULL */
  int required;
  int positional_only; /* how many have no keyword */
  int positional;      /* how many have a position */
} mx_signature;

/* 0, or -1 with a TypeError that names the function and the parameter. The found
 * arguments are borrowed. */
int mx_arguments(const mx_signature *signature, PyObject *const *args, Py_ssize_t count,
                 PyObject *names, PyObject **out);

/* The same for tp_new and the like. */
int mx_arguments_of_tuple(const mx_signature *signature, PyObject *args,
                          PyObject *keywords, PyObject **out);

#define MX_SIGNATURE(function, required, positional_only, positional, ...)             \
  static const char *const names_[] = {__VA_ARGS__, NULL};                             \
  static const mx_signature signature_ = {function, names_, required, positional_only, \
                                          positional}

#endif
