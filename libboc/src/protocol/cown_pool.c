/* Cown pool: see cown_pool.h. */
#include "cown_pool.h"

#include "alloc.h"
#include "compiler.h"
#include "cown.h"

enum {
  CACHE_LINE = 64,
  LEAD = (CACHE_LINE - BOCI_COWN_HEADER % CACHE_LINE) % CACHE_LINE
};

/* A pool that a worker has borrowed, or that is idle until one borrows it. */
typedef struct lent_pool {
  boci_block_pool pool;
  struct lent_pool *next;
} lent_pool;

static boci_atomic_ptr idle_pools; /* a list of lent_pool */

static boci_block_pool shared_pool = {.lead = LEAD};
static boci_atomic_u32 shared_pool_locked; /* not 0: a thread uses `shared_pool` */

/* ---- workers' -------------------------------------------------------------------- */

static void put_idle_pools(lent_pool *first, lent_pool *last) {
  void *head = boci_load_relaxed(&idle_pools); /* hint: the CAS decides */
  do
    last->next = head;
  while (!boci_cas_weak_release(&idle_pools, &head, first)); /* [R28] */
}

static lent_pool *take_idle_pool(void) {
  lent_pool *taken = boci_swap_acquire(&idle_pools, NULL); /* [A28] */
  if (!taken || !taken->next)
    return taken;
  lent_pool *last = taken->next;
  while (last->next)
    last = last->next;
  put_idle_pools(taken->next, last);
  return taken;
}

boci_block_pool *boci_cown_pool_borrow(void) {
  lent_pool *lent = take_idle_pool();
  if (lent)
    return &lent->pool;
  if (!(lent = boci_allocate(NULL, sizeof *lent)))
    return NULL;
  boci_block_pool_init(&lent->pool, NULL, NULL);
  lent->pool.lead = LEAD;
  return &lent->pool;
}

void boci_cown_pool_give_back(boci_block_pool *pool) {
  if (!pool)
    return;
  boci_block_pool_flush(pool);
  boci_block_pool_trim(pool);
  lent_pool *lent = (lent_pool *)pool; /* the pool is its first member */
  put_idle_pools(lent, lent);
}

/* ---- all other threads' ---------------------------------------------------------- */

static bool try_lock_shared_pool(void) {
  return !boci_load_relaxed(&shared_pool_locked) &&  /* hint: the swap decides */
         !boci_swap_acquire(&shared_pool_locked, 1); /* [A28] */
}

static void unlock_shared_pool(void) {
  boci_store_release(&shared_pool_locked, 0); /* [R28] */
}

static void *alloc_shared(size_t size) {
  if (!try_lock_shared_pool())
    return NULL;
  void *memory = boci_block_pool_alloc(&shared_pool, size);
  unlock_shared_pool();
  return memory;
}

void boci_cown_pool_give_back_shared(void) {
  if (!try_lock_shared_pool())
    return;
  boci_block_pool_give_back(&shared_pool);
  unlock_shared_pool();
}

static void *alloc_unpooled(size_t size) {
  boci_block *block = boci_allocate(NULL, size);
  if (block)
    block->home = NULL;
  return block;
}

void *boci_cown_pool_alloc(boci_block_pool *own, size_t size) {
  if (size > (size_t)BOCI_BLOCK_POOL_CLASSES * BOCI_BLOCK_POOL_STEP)
    return alloc_unpooled(size);
  void *memory = own ? boci_block_pool_alloc(own, size) : alloc_shared(size);
  return memory ? memory : alloc_unpooled(size);
}

void boci_cown_pool_free(boci_block_pool *own, void *memory, size_t size) {
  boci_block *block = memory;
  if (!block->home) {
    boci_release(NULL, memory, size);
    return;
  }
  boci_block_pool_restore(memory, size);
  if (own) {
    boci_block_pool_free(own, memory);
  } else if (try_lock_shared_pool()) {
    boci_block_pool_free(&shared_pool, memory);
    boci_block_pool_flush(&shared_pool);
    unlock_shared_pool();
  } else {
    boci_block_pool_send_home(memory);
  }
}

/* ---- the end --------------------------------------------------------------------- */

/* A pool with a block in use stays whole: other threads may still run. */
static void trim_idle_pools(void) {
  lent_pool *lent = boci_swap_acquire(&idle_pools, NULL); /* [A28] */
  for (lent_pool *next; lent; lent = next) {
    next = lent->next;
    boci_block_pool_trim(&lent->pool);
    if (lent->pool.chunks)
      put_idle_pools(lent, lent);
    else
      boci_release(NULL, lent, sizeof *lent);
  }
}

BOCI_AT_UNLOAD static void trim_pools(void) {
  trim_idle_pools();
  if (!try_lock_shared_pool())
    return;
  boci_block_pool_flush(&shared_pool);
  boci_block_pool_trim(&shared_pool);
  unlock_shared_pool();
}
