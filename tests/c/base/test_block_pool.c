/* The pool: sizes, alignment and places, reuse and its order, blocks that are freed on
 * another thread, refusals, trimming. */
#include "harness.h"

#include <string.h>

#include "block_pool.h"

static const size_t sizes[] = {16,  32,  33,  64,   100,  128,
                               511, 512, 513, 1000, 5000, 100000};
typedef union any_object {
  long long integer;
  long double number;
  void *pointer;
} any_object;
enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* Blocks of all sizes at the same time, each filled to its end. */
static void blocks_are_apart_and_aligned(void) {
  enum { ROUNDS = 20 };
  static char *blocks[ROUNDS][SIZES];
  test_memory memory;
  boci_block_pool pool;
  int owner;
  test_memory_init(&memory, 0);
  boci_block_pool_init(&pool, &owner, &memory.base);
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < SIZES; i++) {
      char *block = blocks[round][i] = boci_block_pool_alloc(&pool, sizes[i]);
      CHECK(block != NULL);
      CHECK_EQ((uintptr_t)block % _Alignof(any_object), 0);
      CHECK(((boci_block *)(void *)block)->home == &pool);
      memset(block + sizeof(boci_block), round + i, sizes[i] - sizeof(boci_block));
    }
  }
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < SIZES; i++) {
      for (size_t at = sizeof(boci_block); at < sizes[i]; at++)
        CHECK_EQ(blocks[round][i][at], round + i);
      boci_block_pool_free(&pool, blocks[round][i]);
    }
  }
  boci_block_pool_fini(&pool);
  test_memory_fini(&memory);
}

/* If as many blocks are freed as are taken, no more memory is needed after the first
 * round. */
static void blocks_are_used_again(void) {
  test_memory memory;
  boci_block_pool pool;
  uintptr_t most = 0;
  test_memory_init(&memory, 0);
  boci_block_pool_init(&pool, NULL, &memory.base);
  for (int round = 0; round < 10; round++) {
    void *blocks[50];
    for (int i = 0; i < 50; i++)
      CHECK((blocks[i] = boci_block_pool_alloc(&pool, 128)) != NULL);
    if (round == 0)
      most = boci_load_relaxed(&memory.live);
    CHECK_EQ(boci_load_relaxed(&memory.live), most);
    for (int i = 0; i < 50; i++)
      boci_block_pool_free(&pool, blocks[i]);
  }
  boci_block_pool_fini(&pool);
  test_memory_fini(&memory);
}

static void a_refusal_leaves_the_pool_usable(void) {
  for (int i = 0; i < SIZES; i++) {
    test_memory memory;
    boci_block_pool pool;
    test_memory_init(&memory, 1);
    boci_block_pool_init(&pool, NULL, &memory.base);
    CHECK(boci_block_pool_alloc(&pool, sizes[i]) == NULL);
    void *block = boci_block_pool_alloc(&pool, sizes[i]);
    CHECK(block != NULL);
    boci_block_pool_free(&pool, block);
    boci_block_pool_fini(&pool);
    test_memory_fini(&memory);
  }
}

/* Two owners pass blocks to each other and free them: all come home, and none is in use
 * twice. */

enum { PASSED = 12, SLOTS = 3 };

typedef struct market {
  boci_block_pool pools[2];
  boci_atomic_ptr slots[SLOTS];
  boci_atomic_u32 freed;
} market;

typedef struct goods {
  boci_block block;
  boci_atomic_u32 owners;
} goods;

static void offer(market *all, unsigned index, uint32_t slot) {
  goods *item = boci_block_pool_alloc(&all->pools[index], sizeof *item);
  CHECK(item != NULL && item->block.home == &all->pools[index]);
  boci_init(&item->owners, 1);
  goods *before = boci_swap_acq_rel(&all->slots[slot], item);
  if (!before)
    return;
  CHECK_EQ(boci_sub_relaxed(&before->owners, 1), 1);
  boci_block_pool_free(&all->pools[index], before);
  boci_add_relaxed(&all->freed, 1);
}

static void trade(void *arg, unsigned index) {
  market *all = arg;
  test_random random = test_random_stream(index);
  for (int i = 0; i < PASSED; i++) {
    offer(all, index, test_draw(&random, SLOTS));
    if (test_draw(&random, 4) == 0)
      boci_block_pool_flush(&all->pools[index]);
  }
  boci_block_pool_flush(&all->pools[index]);
}

static void remote_frees_come_home(void) {
  market all;
  test_memory memory;
  uint32_t left = 0;
  test_memory_init(&memory, 0);
  for (int i = 0; i < 2; i++)
    boci_block_pool_init(&all.pools[i], NULL, &memory.base);
  for (int i = 0; i < SLOTS; i++)
    boci_init(&all.slots[i], NULL);
  boci_init(&all.freed, 0);
  test_threads(2, trade, &all);
  for (int i = 0; i < SLOTS; i++) {
    goods *item = boci_load_relaxed(&all.slots[i]);
    left += item != NULL;
    if (item)
      boci_block_pool_free(item->block.home, item);
  }
  CHECK_EQ(boci_load_relaxed(&all.freed) + left, 2 * PASSED);
  for (int i = 0; i < 2; i++)
    boci_block_pool_fini(&all.pools[i]);
  test_memory_fini(&memory);
}

/* Under the sanitizers each block is an allocation of its own. */
static bool is_pooled(const void *memory) {
  return ((const boci_block *)memory)->steps != 0;
}

/* Takes the blocks of `size` that were carved together with those in use. */
static void use_up_carved(boci_block_pool *pool, size_t size) {
  while (pool->classes[size / BOCI_BLOCK_POOL_STEP])
    CHECK(boci_block_pool_alloc(pool, size) != NULL);
}

/* Blocks that another thread freed in the order in which they were made are made in
 * that order again. */
static void remote_frees_keep_their_order(void) {
  enum { BLOCKS = 3 * BOCI_BLOCK_POOL_BATCH + 5 };
  static void *blocks[BLOCKS];
  test_memory memory;
  boci_block_pool home, other;
  test_memory_init(&memory, 0);
  boci_block_pool_init(&home, NULL, &memory.base);
  boci_block_pool_init(&other, NULL, &memory.base);
  for (int i = 0; i < BLOCKS; i++)
    CHECK((blocks[i] = boci_block_pool_alloc(&home, 64)) != NULL);
  const bool pooled = is_pooled(blocks[0]);
  use_up_carved(&home, 64);
  for (int i = 0; i < BLOCKS; i++)
    boci_block_pool_free(&other, blocks[i]);
  boci_block_pool_flush(&other);
  for (int i = 0; i < BLOCKS; i++) {
    void *again = boci_block_pool_alloc(&home, 64);
    CHECK(again == blocks[i] || !pooled);
    blocks[i] = again;
  }
  for (int i = 0; i < BLOCKS; i++)
    boci_block_pool_free(&home, blocks[i]);
  boci_block_pool_fini(&home);
  boci_block_pool_fini(&other);
  test_memory_fini(&memory);
}

static void a_single_stray_comes_home(void) {
  test_memory memory;
  boci_block_pool pool;
  test_memory_init(&memory, 0);
  boci_block_pool_init(&pool, NULL, &memory.base);
  char *block = boci_block_pool_alloc(&pool, 64);
  CHECK(block != NULL);
  memset(block + sizeof(boci_block_pool *), 7, 64 - sizeof(boci_block_pool *));
  boci_block_pool_restore(block, 64);
  const bool pooled = is_pooled(block);
  use_up_carved(&pool, 64);
  boci_block_pool_send_home(block);
  void *again = boci_block_pool_alloc(&pool, 64);
  CHECK(again == block || !pooled);
  boci_block_pool_free(&pool, again);
  boci_block_pool_fini(&pool);
  test_memory_fini(&memory);
}

/* One block in use keeps all chunks. */
static void a_pool_is_trimmed_when_all_are_home(void) {
  enum { BLOCKS = 100 };
  void *blocks[BLOCKS];
  test_memory memory;
  boci_block_pool pool, other;
  test_memory_init(&memory, 0);
  boci_block_pool_init(&pool, NULL, &memory.base);
  boci_block_pool_init(&other, NULL, &memory.base);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < BLOCKS; i++)
      CHECK((blocks[i] = boci_block_pool_alloc(&pool, 64)) != NULL);
    for (int i = 1; i < BLOCKS; i++)
      boci_block_pool_free(i % 3 ? &pool : &other, blocks[i]);
    boci_block_pool_flush(&other);
    boci_block_pool_trim(&pool);
    CHECK(boci_load_relaxed(&memory.live) > 0);
    memset((char *)blocks[0] + sizeof(boci_block), 7, 64 - sizeof(boci_block));
    boci_block_pool_free(&pool, blocks[0]);
    boci_block_pool_trim(&pool);
    CHECK_EQ(boci_load_relaxed(&memory.live), 0);
  }
  boci_block_pool_fini(&pool);
  boci_block_pool_fini(&other);
  test_memory_fini(&memory);
}

/* A few blocks in use keep the chunks that they lie in, and what is free there is used
 * again; blocks that lie in lines of others too. */
static void a_large_pool_gives_back_chunks(size_t lead) {
  enum { BLOCKS = 200000, EVERY = 50000, SIZE = 64 };
  static void *blocks[BLOCKS];
  test_memory memory;
  boci_block_pool pool, other;
  test_memory_init(&memory, 0);
  boci_block_pool_init(&pool, NULL, &memory.base);
  boci_block_pool_init(&other, NULL, &memory.base);
  pool.lead = lead;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < BLOCKS; i++)
      CHECK((blocks[i] = boci_block_pool_alloc(&pool, SIZE)) != NULL);
    const uintptr_t most = boci_load_relaxed(&memory.live);
    for (int i = 0; i < BLOCKS; i++)
      if (i % EVERY != 7)
        boci_block_pool_free(i % 3 ? &pool : &other, blocks[i]);
    boci_block_pool_flush(&other);
    boci_block_pool_give_back(&pool);
    CHECK(boci_load_relaxed(&memory.live) < most || !is_pooled(blocks[7]));
    for (int i = 7; i < BLOCKS; i += EVERY) {
      memset((char *)blocks[i] + sizeof(boci_block), 7, SIZE - sizeof(boci_block));
      CHECK(((boci_block *)blocks[i])->home == &pool);
      boci_block_pool_free(&pool, blocks[i]);
    }
    pool.give_back_from = 0;
    boci_block_pool_give_back(&pool);
  }
  boci_block_pool_fini(&pool);
  boci_block_pool_fini(&other);
  test_memory_fini(&memory);
}

static void a_large_pool_is_given_back(void) {
  a_large_pool_gives_back_chunks(0);
  a_large_pool_gives_back_chunks(16);
}

/* Nothing is lost when all are home: the pool begins anew. */
static void a_pool_that_was_given_back_is_usable(void) {
  enum { BLOCKS = 100000 };
  static void *blocks[BLOCKS];
  test_memory memory;
  boci_block_pool pool;
  test_memory_init(&memory, 0);
  boci_block_pool_init(&pool, NULL, &memory.base);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < BLOCKS; i++) {
      CHECK((blocks[i] = boci_block_pool_alloc(&pool, i % 2 ? 64 : 128)) != NULL);
      memset((char *)blocks[i] + sizeof(boci_block), i, 64 - sizeof(boci_block));
    }
    for (int i = 0; i < BLOCKS; i++)
      boci_block_pool_free(&pool, blocks[i]);
    boci_block_pool_give_back(&pool);
    CHECK_EQ(boci_load_relaxed(&memory.live), 0);
  }
  boci_block_pool_fini(&pool);
  test_memory_fini(&memory);
}

/* A block that begins within a line shares lines only with blocks of its own round. */
static void those_that_share_lines_are_apart(void) {
  enum { BLOCKS = 50, LINE = 64, LEAD = 16 };
  void *blocks[BLOCKS];
  test_memory memory;
  boci_block_pool pool;
  test_memory_init(&memory, 0);
  boci_block_pool_init(&pool, NULL, &memory.base);
  pool.lead = LEAD;
  for (int i = 0; i < BLOCKS; i++) {
    CHECK((blocks[i] = boci_block_pool_alloc(&pool, LINE)) != NULL);
    if (!is_pooled(blocks[i]))
      continue;
    CHECK_EQ((uintptr_t)blocks[i] % LINE, LEAD);
    for (int k = i < 3 ? 0 : i - 3; k < i; k++)
      CHECK((uintptr_t)blocks[i] - (uintptr_t)blocks[k] + LINE > 2 * LINE);
  }
  for (int i = 0; i < BLOCKS; i++)
    boci_block_pool_free(&pool, blocks[i]);
  boci_block_pool_fini(&pool);
  test_memory_fini(&memory);
}

/* Gives memory that begins 16 bytes behind a line, as malloc mostly does. */
enum { LINE = 64, BEHIND = 16, ARENA = 512 * 1024 };
static _Alignas(LINE) char arena[ARENA];

static void *allocate_behind(void *ctx, size_t size) {
  size_t *used = ctx;
  char *memory = arena + *used + BEHIND;
  *used += (BEHIND + size + LINE - 1) / LINE * LINE;
  CHECK(*used <= ARENA);
  return memory;
}

static void release_behind(void *ctx, void *memory, size_t size) {
  (void)ctx, (void)memory, (void)size;
}

/* Blocks of an odd number of half lines begin with a line, or half a line later: none
 * lies in one line more than it has to. */
static void few_blocks_straddle_lines(void) {
  enum { BLOCKS = 64, ODD = 3 };
  static const size_t odd[ODD] = {LINE / 2 * 3, LINE / 2 * 5, LINE / 2 * 9};
  size_t used = 0;
  const boc_allocator behind = {allocate_behind, release_behind, &used};
  boci_block_pool pool;
  boci_block_pool_init(&pool, NULL, &behind);
  for (int i = 0; i < BLOCKS * ODD; i++) {
    void *block = boci_block_pool_alloc(&pool, odd[i % ODD]);
    if (is_pooled(block))
      CHECK_EQ((uintptr_t)block % (LINE / 2), 0);
  }
  boci_block_pool_fini(&pool);
}

static const test_case cases[] = {
    TEST_ONCE(blocks_are_apart_and_aligned),
    TEST_ONCE(blocks_are_used_again),
    TEST_ONCE(a_refusal_leaves_the_pool_usable),
    TEST_RACE(remote_frees_come_home, 1),
    TEST_ONCE(remote_frees_keep_their_order),
    TEST_ONCE(a_single_stray_comes_home),
    TEST_ONCE(a_pool_is_trimmed_when_all_are_home),
    TEST_ONCE(a_large_pool_is_given_back),
    TEST_ONCE(a_pool_that_was_given_back_is_usable),
    TEST_ONCE(those_that_share_lines_are_apart),
    TEST_ONCE(few_blocks_straddle_lines),
};
TEST_MAIN(cases)
