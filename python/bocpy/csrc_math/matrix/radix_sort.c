/* Radix sort: few numbers by insertion, more by digits of their bits.
 *
 * Numbers are compared as integers that are ordered as they are: sign and exponent come
 * first in the bits of a double. 0.0 and -0.0 are equal, and so are all NaNs, which are
 * the last in both directions.
 *
 * The highest bits in which the integers differ, a window of three or four digits, are
 * sorted digit by digit from the lowest (Knuth, "The Art of Computer Programming" 3,
 * 5.2.5). Few items are out of order after that, and insertion sorts them. If insertion
 * has to move too many, all bits are sorted by digits. Every step is stable. */
#include "radix_sort.h"

#include "../base/block.h"

#define FEW ((size_t)64)          /* up to here insertion alone is faster */
#define MANY ((size_t)3000)       /* from here long digits are faster */
#define CROWDED ((size_t)1 << 22) /* from here on four long digits */
#define SIGN ((uint64_t)1 << 63)
#define SHORT_DIGIT 8 /* how many bits */
#define LONG_DIGIT 12
#define DIGITS 4 /* the most digits of a window */
#define MOVES 4  /* the most moves of insertion, for each item */

static int digit_bits(size_t count) { return count < MANY ? SHORT_DIGIT : LONG_DIGIT; }

static int window_digits(size_t count) {
  return count < MANY || count >= CROWDED ? DIGITS : DIGITS - 1;
}

int mx_sort_open(mx_sort_room *room, size_t count) {
  size_t numbers;
  *room = (mx_sort_room){NULL, NULL};
  if (!mx_multiply(count, 2 * sizeof(mx_sort_item) / sizeof(double), &numbers)) {
    PyErr_NoMemory();
    return -1;
  }
  room->items = (mx_sort_item *)mx_numbers_new(numbers);
  if (room->items && count > FEW) {
    size_t entries = (size_t)DIGITS << digit_bits(count);
    room->starts = PyMem_RawMalloc(entries * sizeof *room->starts);
    if (!room->starts) {
      mx_sort_close(room);
      PyErr_NoMemory();
    }
  }
  return room->items ? 0 : -1;
}

void mx_sort_close(mx_sort_room *room) {
  PyMem_RawFree(room->starts);
  mx_numbers_free((double *)room->items);
  *room = (mx_sort_room){NULL, NULL};
}

/* ---- digits ---------------------------------------------------------------------- */

/* `digits` digits of `bits` bits each, from bit `low` up. */
typedef struct window {
  int low, bits, digits;
  size_t *starts; /* a table for each digit */
} window;

static size_t digit_at(uint64_t key, int shift, int bits) {
  return (size_t)(key >> shift) & (((size_t)1 << bits) - 1);
}

static void clear_counts(const window *w) {
  memset(w->starts, 0, ((size_t)w->digits << w->bits) * sizeof *w->starts);
}

/* Where the first item with each value of a digit goes. */
static void counts_to_starts(const window *w) {
  for (int d = 0; d < w->digits; d++) {
    size_t *counts = w->starts + ((size_t)d << w->bits), start = 0;
    for (size_t value = 0; value < (size_t)1 << w->bits; value++) {
      size_t count = counts[value];
      counts[value] = start;
      start += count;
    }
  }
}

static int highest_bit(uint64_t bits) { /* of bits that are not 0 */
  int at = 0;
  for (int half = 32; half; half /= 2)
    if (bits >> half) {
      bits >>= half;
      at += half;
    }
  return at;
}

/* How many digits it takes from `low` to bit `end`; as many as a window has at most. */
static int digits_up_to(const window *w, int end) {
  int needed = (end - w->low + w->bits - 1) / w->bits;
  return needed < DIGITS ? needed : DIGITS;
}

/* The window of the highest bits that `differ`, with no more digits than it takes. */
static window highest_window(uint64_t differ, size_t count, size_t *starts) {
  int end = highest_bit(differ) + 1;
  window w = {highest_bit(differ & (~differ + 1)), digit_bits(count), 0, starts};
  int needed = digits_up_to(&w, end);
  w.digits = needed < window_digits(count) ? needed : window_digits(count);
  w.low = end > w.bits * w.digits ? end - w.bits * w.digits : 0;
  return w;
}

/* `differ` are the bits in which the keys differ. Sorts `items`, with room for as many
 * behind them, and returns where they are then. */
#define SORT_BY_DIGITS(name, item, KEY)                                                \
  static bool name##_by_insertion(item *items, size_t count, size_t moves) {           \
    for (size_t i = 1; i < count; i++) {                                               \
      item moved = items[i];                                                           \
      size_t at = i;                                                                   \
      for (; at && KEY(moved) < KEY(items[at - 1]); at--)                              \
        items[at] = items[at - 1];                                                     \
      items[at] = moved;                                                               \
      if (i - at > moves)                                                              \
        return false;                                                                  \
      moves -= i - at;                                                                 \
    }                                                                                  \
    return true;                                                                       \
  }                                                                                    \
  static item *name##_window(const window *w, item *from, item *to, size_t count) {    \
    const int bits = w->bits, digits = w->digits, low = w->low;                        \
    clear_counts(w);                                                                   \
    for (size_t i = 0; i < count; i++)                                                 \
      for (int d = 0; d < digits; d++)                                                 \
        w->starts[((size_t)d << bits) +                                                \
                  digit_at(KEY(from[i]), low + d * bits, bits)]++;                     \
    counts_to_starts(w);                                                               \
    for (int d = 0; d < digits; d++) {                                                 \
      size_t *starts = w->starts + ((size_t)d << bits);                                \
      for (size_t i = 0; i < count; i++)                                               \
        to[starts[digit_at(KEY(from[i]), low + d * bits, bits)]++] = from[i];          \
      item *other = from;                                                              \
      from = to;                                                                       \
      to = other;                                                                      \
    }                                                                                  \
    return from;                                                                       \
  }                                                                                    \
  static item *name(item *items, size_t count, uint64_t differ, size_t *starts) {      \
    if (!differ)                                                                       \
      return items;                                                                    \
    if (count <= FEW) {                                                                \
      name##_by_insertion(items, count, SIZE_MAX);                                     \
      return items;                                                                    \
    }                                                                                  \
    item *begin = items, *end = items + count;                                         \
    window w = highest_window(differ, count, starts);                                  \
    items = name##_window(&w, items, end, count);                                      \
    if (name##_by_insertion(items, count, MOVES * count))                              \
      return items;                                                                    \
    for (w.low = 0; w.low < 64; w.low += w.bits * w.digits) {                          \
      w.digits = digits_up_to(&w, 64);                                                 \
      items = name##_window(&w, items, items == begin ? end : begin, count);           \
    }                                                                                  \
    return items;                                                                      \
  }

#define KEY_ITSELF(key) (key)
#define KEY_OF_ITEM(item) ((item).key)

SORT_BY_DIGITS(sort_keys, uint64_t, KEY_ITSELF)
SORT_BY_DIGITS(sort_items, mx_sort_item, KEY_OF_ITEM)

/* ---- keys ------------------------------------------------------------------------ */

/* Without a branch, which would be mispredicted for every other random number. */
static uint64_t ordered_bits(uint64_t bits) { return bits ^ (-(bits >> 63) | SIGN); }
static uint64_t plain_bits(uint64_t key) { return key ^ (((key >> 63) - 1) | SIGN); }

static uint64_t key_of(double number, bool descending) {
  uint64_t bits;
  if (number != number)
    return UINT64_MAX;
  number += 0.0; /* -0.0 becomes 0.0 */
  memcpy(&bits, &number, sizeof bits);
  bits = ordered_bits(bits);
  return descending ? ~bits : bits;
}

const mx_sort_item *mx_sort_items(mx_sort_room *room, const double *numbers,
                                  size_t count, bool descending) {
  uint64_t differ = 0, first = count ? key_of(numbers[0], descending) : 0;
  for (size_t i = 0; i < count; i++) {
    uint64_t key = key_of(numbers[i], descending);
    room->items[i] = (mx_sort_item){key, i};
    differ |= key ^ first;
  }
  return sort_items(room->items, count, differ, room->starts);
}

/* The key of each number, and the bits in which they differ; false if there are numbers
 * whose order their bits do not tell. */
static bool keys_of(const double *numbers, size_t count, uint64_t *out_keys,
                    uint64_t *out_differ) {
  uint64_t first, differ = 0;
  bool plain = true;
  memcpy(&first, numbers, sizeof first);
  first = ordered_bits(first);
  for (size_t i = 0; i < count; i++) {
    double number = numbers[i];
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    plain &= bits != SIGN && number == number;
    bits = ordered_bits(bits);
    memcpy(out_keys + i, &bits, sizeof bits);
    differ |= bits ^ first;
  }
  *out_differ = differ;
  return plain;
}

static void numbers_of(const uint64_t *keys, size_t count, double *out, size_t stride) {
  for (size_t i = 0; i < count; i++) {
    uint64_t key;
    memcpy(&key, keys + i, sizeof key);
    key = plain_bits(key);
    memcpy(out + i * stride, &key, sizeof key);
  }
}

bool mx_sort_numbers(mx_sort_room *room, const double *numbers, size_t count,
                     double *out, size_t stride) {
  uint64_t differ, *keys = (uint64_t *)room->items;
  bool plain = keys_of(numbers, count, keys, &differ);
  if (plain)
    numbers_of(sort_keys(keys, count, differ, room->starts), count, out, stride);
  return plain;
}
