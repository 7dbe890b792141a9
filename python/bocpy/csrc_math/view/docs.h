/* Docs: what help() shows of MatrixView and of its members. */
#ifndef MX_VIEW_DOCS_H
#define MX_VIEW_DOCS_H

extern const char mx_view_rows_doc[];
extern const char mx_view_columns_doc[];
extern const char mx_view_size_doc[];
extern const char mx_view_shape_doc[];
extern const char mx_view_is_row_doc[];
extern const char mx_view_read_only_doc[];
extern const char mx_view_T_doc[];
extern const char mx_view_doc[];
extern const char mx_view_copy_doc[];
extern const char mx_view_values_doc[];
extern const char mx_view_reduce_doc[];
extern const char mx_view_x_doc[];
extern const char mx_view_y_doc[];
extern const char mx_view_z_doc[];
extern const char mx_view_w_doc[];

#endif
