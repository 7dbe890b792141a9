/* Random yields under real threads, for builds with BOC_PERTURB. */
#include "perturb.h"

#if defined(BOC_PERTURB) && !defined(BOC_SYSTEMATIC)

#include <stdint.h>

#include "os.h"

#define YIELD_ONE_IN 16u
#define LINGER_ONE_IN 1024u
#define LINGER_YIELDS 50

static BOCI_THREAD_LOCAL uint32_t random_state;

/* xorshift; a thread's seed is the address of its slot and the time of its first
 * call. */
static uint32_t draw_random(void) {
  if (random_state == 0)
    random_state = ((uint32_t)(uintptr_t)&random_state ^ (uint32_t)boci_os_now()) | 1;
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state;
}

void boci_perturb_random(void) {
  uint32_t drawn = draw_random();
  if (drawn % YIELD_ONE_IN == 0)
    boci_os_yield();
  if (drawn % LINGER_ONE_IN == 0) {
    for (int i = 0; i < LINGER_YIELDS; i++)
      boci_os_yield();
  }
}

#else
typedef int boci_perturb_is_off; /* A translation unit must not be empty. */
#endif
