/* Ship: see ship.h. The pointer to the block moves, through bocpy's public hooks. A
 * pinned block stays, and a copy moves instead. */
#include "ship.h"

#include "../../include/bocpy/bocpy.h"

static void *copy_native(void *native) { return mx_block_copy_raw(native); }

static void drop_native(void *native) { mx_block_drop(native); }

static int is_busy(PyObject *self) {
  mx_block *block = ((mx_matrix *)self)->block;
  return block && mx_count_read(&block->references) > 1;
}

static const bocpy_hooks hooks = {
    .native = offsetof(mx_matrix, block),
    .copy = copy_native,
    .drop = drop_native,
    .busy = is_busy,
    .flags = BOCPY_MOVES_EVERYWHERE,
};

int mx_ship_register(PyTypeObject *matrix) {
  return bocpy_register_type(matrix, &hooks);
}
