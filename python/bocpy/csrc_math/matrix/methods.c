/* Methods: the table of what Matrix can do. Each function and its documentation are in
 * the file of their noun. */
#include "methods.h"

#include "../view/view.h"

#define METHOD(name, function, flags)                                                  \
  {#name, (PyCFunction)(void (*)(void))function, flags, function##_doc}

/* Methods by what they take: arguments by position and keyword, one argument, none. */
#define MANY(name) METHOD(name, mx_matrix_##name, METH_FASTCALL | METH_KEYWORDS)
#define ONE(name) METHOD(name, mx_matrix_##name, METH_O)
#define NONE(name) METHOD(name, mx_matrix_##name, METH_NOARGS)

/* The same for methods of the class. */
#define CLASS_MANY(name)                                                               \
  METHOD(name, mx_matrix_##name, METH_FASTCALL | METH_KEYWORDS | METH_CLASS)
#define CLASS_ONE(name) METHOD(name, mx_matrix_##name, METH_O | METH_CLASS)

PyMethodDef mx_matrix_methods[] = {
    CLASS_ONE(zeros),
    CLASS_ONE(ones),
    CLASS_MANY(full),
    CLASS_MANY(eye),
    CLASS_MANY(vector),
    CLASS_MANY(concat),
    CLASS_MANY(frombuffer),
    CLASS_ONE(from_view),
    CLASS_ONE(seed),
    CLASS_MANY(uniform),
    CLASS_MANY(normal),
    CLASS_MANY(where),
    CLASS_MANY(allclose),
    MANY(add),
    MANY(subtract),
    MANY(multiply),
    MANY(divide),
    MANY(pow),
    MANY(less),
    MANY(less_equal),
    MANY(greater),
    MANY(greater_equal),
    MANY(equal),
    MANY(not_equal),
    MANY(fma),
    MANY(scaled_add),
    MANY(ceil),
    MANY(floor),
    MANY(round),
    MANY(negate),
    MANY(abs),
    MANY(sqrt),
    MANY(reciprocal),
    MANY(sign),
    MANY(cos),
    MANY(sin),
    MANY(exp),
    MANY(log),
    MANY(tanh),
    MANY(log1p),
    MANY(expm1),
    MANY(clip),
    MANY(bin),
    MANY(digitize),
    MANY(sum),
    MANY(mean),
    MANY(magnitude),
    MANY(magnitude_squared),
    MANY(min),
    MANY(max),
    MANY(var),
    MANY(std),
    MANY(argmin),
    MANY(argmax),
    MANY(topk),
    MANY(cumsum),
    MANY(sort),
    MANY(argsort),
    NONE(trace),
    MANY(vecdot),
    MANY(cross),
    MANY(normalize),
    MANY(perpendicular),
    MANY(angle),
    MANY(transpose),
    NONE(copy),
    MANY(reshape),
    NONE(flatten),
    NONE(diag),
    MANY(repeat_interleave),
    MANY(take),
    MANY(put),
    MANY(take_along_axis),
    MANY(put_along_axis),
    NONE(values),
    MANY(row_view),
    MANY(column_view),
    MANY(row_views),
    MANY(column_views),
    ONE(solve),
    NONE(inv),
    NONE(det),
    METHOD(__dlpack__, mx_matrix_dlpack, METH_FASTCALL | METH_KEYWORDS),
    METHOD(__dlpack_device__, mx_matrix_dlpack_device, METH_NOARGS),
    METHOD(__reduce__, mx_matrix_reduce, METH_NOARGS),
    {NULL, NULL, 0, NULL},
};
