/* Perturbation: the points at which a test build may let another thread run.
 *
 * boci_perturb() stands before every atomic operation and every fence,
 * boci_perturb_pause() in every spin. In an ordinary build they are nothing. With
 * BOC_SYSTEMATIC they call the seeded scheduler (testing/systematic.c); with
 * BOC_PERTURB they yield the processor now and then (testing/perturb.c).
 *
 * This header stands on the ground floor, below testing/, because the atomics need it.
 */
#ifndef BOCI_PERTURB_H
#define BOCI_PERTURB_H

#include <stdbool.h>
#include <stdint.h>

#if defined(BOC_SYSTEMATIC)
#define BOCI_PERTURBED 1
#define boci_perturb() boci_systematic_point()
#define boci_perturb_pause() boci_systematic_yield()
#define boci_perturb_fails() boci_systematic_chance(BOCI_PERTURB_FAILS_ONE_IN)
#define BOCI_PERTURB_FAILS_ONE_IN 16u
/* Another unit may run before this returns; another unit does, if one can. */
void boci_systematic_point(void);
void boci_systematic_yield(void);
bool boci_systematic_chance(uint32_t n);
/* Writes the seed, the step, the position of each unit and the latest switches to
 * stderr; nothing if no run has begun. */
void boci_systematic_report(void);
#elif defined(BOC_PERTURB)
#define BOCI_PERTURBED 1
#define boci_perturb() boci_perturb_random()
#define boci_perturb_pause() boci_perturb_random()
#define boci_perturb_fails() false
/* Mostly returns at once; sometimes yields, and rarely for long. */
void boci_perturb_random(void);
#else
#define boci_perturb() ((void)0)
#define boci_perturb_pause() ((void)0)
#define boci_perturb_fails() false
#endif

#endif
