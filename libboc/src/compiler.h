/* Compiler: features that the language lacks and compilers spell differently. */
#ifndef BOCI_COMPILER_H
#define BOCI_COMPILER_H

/* For the rare path of a hot function: inlined, it would take registers from the common
 * path. */
#if defined(_MSC_VER) && !defined(__clang__)
#define BOCI_NOINLINE __declspec(noinline)
#else
#define BOCI_NOINLINE __attribute__((noinline))
#endif

/* For a function that several hot ones share: with constant arguments each gets a
 * shorter copy. */
#if defined(_MSC_VER) && !defined(__clang__)
#define BOCI_ALWAYS_INLINE static __forceinline
#else
#define BOCI_ALWAYS_INLINE static inline __attribute__((always_inline))
#endif

/* For a loop of a few rounds: keeps it a loop, not a call of memset or memcpy. */
#if defined(__GNUC__)
#define BOCI_STAY_LOOP() __asm__ __volatile__("")
#else
#define BOCI_STAY_LOOP() ((void)0)
#endif

/* For a loop that uses more fields of a struct than there are registers: the compiler
 * does not compute their addresses ahead of the loop, only to keep them in memory. */
#if defined(__GNUC__)
/* NOLINTNEXTLINE(portability-no-assembler) */
#define BOCI_COMPUTE_ANEW(pointer) __asm__("" : "+r"(pointer))
#else
#define BOCI_COMPUTE_ANEW(pointer) ((void)(pointer))
#endif

/* Fetches the line of `address` into the cache, for writing. Never faults. On x86-64
 * the compilers' built-in function fetches it for reading, unless they compile for a
 * newer processor; a line that another core has written then moves twice. */
#if defined(__GNUC__) && defined(__x86_64__)
static inline void boci_prefetch(const void *address) {
  /* NOLINTNEXTLINE(portability-no-assembler): no built-in function surely emits it */
  __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)address));
}
#define BOCI_PREFETCH(address) boci_prefetch(address)
#elif defined(__GNUC__)
#define BOCI_PREFETCH(address) __builtin_prefetch(address, 1)
#else
#define BOCI_PREFETCH(address) ((void)(address))
#endif

/* For a function that runs when the shared library is unloaded, or the program ends. In
 * the static library it does not run: it would only prolong the end of the program, at
 * which other threads may still run (those of CPython 3.10 use what it has freed). It
 * does not run either where compilers have no destructors, and where threads are
 * fibers. */
#if defined(__GNUC__) && defined(BOC_BUILDING) && !defined(BOC_SYSTEMATIC) &&          \
    !defined(BOC_RELACY)
#define BOCI_AT_UNLOAD __attribute__((destructor))
#elif defined(__GNUC__)
#define BOCI_AT_UNLOAD __attribute__((unused))
#else
#define BOCI_AT_UNLOAD
#endif

#endif
