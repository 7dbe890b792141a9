/* Docs: see docs.h. */
#include "docs.h"

#include "../matrix/methods.h"

const char mx_view_rows_doc[] =
    "1 for a row, else the number of elements, an int. RuntimeError: the matrix\n"
    "has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> view = Matrix(2, 3, [1, 2, 3, 4, 5, 6]).view[1]\n"
    ">>> view.rows\n"
    "1";

const char mx_view_columns_doc[] =
    "1 for a column, else the number of elements, an int. RuntimeError: the\n"
    "matrix has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> view = Matrix(2, 3, [1, 2, 3, 4, 5, 6]).view[1]\n"
    ">>> view.columns\n"
    "3";

const char mx_view_size_doc[] =
    "The number of elements, an int. RuntimeError: the matrix has moved\n"
    "elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> view = Matrix(2, 3, [1, 2, 3, 4, 5, 6]).view[1]\n"
    ">>> view.size\n"
    "3";

const char mx_view_shape_doc[] =
    "The tuple (rows, columns). RuntimeError: the matrix has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> view = Matrix(2, 3, [1, 2, 3, 4, 5, 6]).view[1]\n"
    ">>> view.shape\n"
    "(1, 3)";

const char mx_view_is_row_doc[] =
    "Whether it stands for a row, a bool. It raises no errors.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> view = Matrix(2, 3, [1, 2, 3, 4, 5, 6]).view[1]\n"
    ">>> view.is_row, view.T.is_row\n"
    "(True, False)";

const char mx_view_read_only_doc[] =
    "Whether it refuses to be written, a bool. It raises no errors.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 3).row_view(0, read_only=True).read_only\n"
    "True";

const char mx_view_T_doc[] =
    "The same elements as a column (size x 1), or as a row (1 x size): a view, no\n"
    "copy. It raises no errors.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> view = Matrix(2, 3, [1, 2, 3, 4, 5, 6]).view[1]\n"
    ">>> view.T.shape\n"
    "(3, 1)";

const char mx_view_doc[] =
    "A window on a row or a column of a Matrix, which shares its elements.\n"
    "\n"
    "m.view[i], m.view[i, a:b], m.view[a:b, j], m.row_view(i), m.column_view(j)\n"
    "make them. A view has one dimension: v[i] is a float, v[a:b] a view, and so it\n"
    "is assigned. Operators give a new Matrix; copy() does, too. A view stays with\n"
    "its matrix: it cannot be put into a cown, and is as dead as a matrix that has\n"
    "moved.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> m = Matrix(2, 2, [1, 2, 3, 4])\n"
    ">>> column = m.view[:, 1]\n"
    ">>> column[:] = column * 10\n"
    ">>> m\n"
    "Matrix(2, 2, [1, 20, 3, 40])";

#define LETTER(name, ordinal, after)                                                   \
  const char mx_view_##name##_doc[] =                                                  \
      "The " ordinal " element, a float; it can be assigned. IndexError: there are\n"  \
      "fewer elements; TypeError: what is assigned is no number, or the view is\n"     \
      "read_only; RuntimeError: the matrix has moved elsewhere.\n"                     \
      "\n"                                                                             \
      ">>> from bocpy import Matrix\n"                                                 \
      ">>> view = Matrix(1, 4, [1, 2, 3, 4]).view[0]\n"                                \
      ">>> view." #name " += 10\n"                                                     \
      ">>> view." #name "\n" after;

LETTER(x, "first", "11.0")
LETTER(y, "second", "12.0")
LETTER(z, "third", "13.0")
LETTER(w, "fourth", "14.0")

const char mx_view_copy_doc[] =
    "copy($self, /)\n--\n\n"
    "A Matrix of the view's shape with its elements now. RuntimeError: the matrix\n"
    "has moved elsewhere.\n\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).view[:, 0].copy()\n"
    "Matrix(2, 1, [1, 3])";

const char mx_view_values_doc[] =
    "values($self, /)\n--\n\n"
    "An iterator over the elements as floats. RuntimeError, at a later step too:\n"
    "the matrix has moved elsewhere.\n\n"
    ">>> from bocpy import Matrix\n"
    ">>> list(Matrix(2, 2, [1, 2, 3, 4]).view[0].values())\n"
    "[1.0, 2.0]";

const char mx_view_reduce_doc[] =
    "__reduce__($self, /)\n--\n\n"
    "Always a TypeError: a view cannot be pickled or shipped; call copy().\n\n"
    ">>> from bocpy import Matrix\n"
    ">>> import pickle\n"
    ">>> pickle.loads(pickle.dumps(Matrix(2, 1, [1, 2]).view[0].copy()))\n"
    "Matrix(1, 1, [1])";

const char mx_matrix_row_view_doc[] =
    "row_view($self, row, columns=None, *, read_only=False)\n"
    "--\n"
    "\n"
    "A MatrixView of a row, or of a slice of its columns: 1 x their number. A\n"
    "read_only view refuses to be written. IndexError: no such row, or an empty\n"
    "slice.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).row_view(1)\n"
    "MatrixView([[3 4]])";

const char mx_matrix_column_view_doc[] =
    "column_view($self, column, rows=None, *, read_only=False)\n"
    "--\n"
    "\n"
    "A MatrixView of a column, or of a slice of its rows: their number x 1. A\n"
    "read_only view refuses to be written. IndexError: no such column, or an empty\n"
    "slice.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).column_view(1).size\n"
    "2";
