/* A web-log counter: how often each status and each host occurs in some log files.
 *
 * A file is cut into blocks of whole lines, each a cown. One behavior finds the hosts
 * and statuses of a block; then others read the block, side by side, and add what they
 * find to the tables: one for the statuses, and several for the hosts, each for some of
 * them, so that no table is what all wait for. All are scheduled at once; the order of
 * behaviors on each cown does the rest.
 *
 *   cc weblog.c $(pkg-config --cflags --libs boc) -o weblog
 *   ./weblog /var/log/apache2/access.log*     or, with a log of its own: ./weblog
 */
#include <boc/boc.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 65536 /* bytes; a longer line is cut */
#define TABLES 8
#define STATUSES 1000
#define SAMPLE "weblog-sample.log"
#define SAMPLE_LINES 50000u
#define SAMPLE_HOSTS 500u

/* What a line says; its host is a piece of the block's text. */
typedef struct hit {
  uint32_t host, size, hash;
  uint32_t status;
} hit;

typedef struct block {
  size_t size, count;
  char text[BLOCK];
  hit hits[BLOCK / 8]; /* no line that counts is shorter */
} block;

typedef struct host {
  char *name;
  uint32_t size, hash;
  uint64_t count;
} host;

/* A hash table of hosts, linear probing; `room` is 0 or a power of two. */
typedef struct table {
  host *hosts;
  size_t room, count;
} table;

typedef struct statuses {
  uint64_t count[STATUSES];
} statuses;

static void drop_table(boc_cown *cown, void *payload) {
  table *self = payload;
  (void)cown;
  for (size_t i = 0; i < self->room; i++)
    free(self->hosts[i].name);
  free(self->hosts);
}

static const boc_cown_type block_type = {
    .name = "block",
    .payload_size = sizeof(block),
};
static const boc_cown_type statuses_type = {
    .name = "statuses",
    .payload_size = sizeof(statuses),
};
static const boc_cown_type table_type = {
    .name = "hosts",
    .payload_size = sizeof(table),
    .drop = drop_table,
};

typedef struct counter {
  boc_runtime *runtime;
  boc_cown *statuses;
  boc_cown *tables[TABLES];
} counter;

static void check(boc_status status, const char *what) {
  if (status == BOC_OK)
    return;
  fprintf(stderr, "weblog: %s: %s\n", what, boc_status_text(status));
  exit(EXIT_FAILURE);
}

static void *get_memory(size_t count, size_t size) {
  void *memory = calloc(count, size);
  check(memory ? BOC_OK : BOC_NO_MEMORY, "memory");
  return memory;
}

static void *payload_at(boc_behavior *self, size_t i) {
  return boc_cown_payload(boc_behavior_cown(self, i));
}

static uint32_t hash_of(const char *bytes, size_t size) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < size; i++)
    hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
  return hash;
}

/* HOST ... "REQUEST" STATUS ...: false if the line is not of that form. */
static bool parse_line(const char *text, size_t start, size_t end, hit *out_hit) {
  const char *line = text + start, *stop = text + end;
  const char *space = memchr(line, ' ', end - start);
  const char *quote = stop;
  while (quote > line && *--quote != '"')
    ;
  if (!space || space == line || quote <= space || stop - quote < 5)
    return false;
  unsigned status = 0;
  for (const char *digit = quote + 2; digit < quote + 5; digit++) {
    if (*digit < '0' || *digit > '9')
      return false;
    status = status * 10 + (unsigned)(*digit - '0');
  }
  const size_t size = (size_t)(space - line);
  *out_hit = (hit){(uint32_t)start, (uint32_t)size, hash_of(line, size), status};
  return true;
}

/* The body over a block, for writing. */
static void parse_block(boc_behavior *self, void *arg) {
  block *here = payload_at(self, 0);
  (void)arg;
  for (size_t start = 0, end; start < here->size; start = end + 1) {
    const char *newline = memchr(here->text + start, '\n', here->size - start);
    end = newline ? (size_t)(newline - here->text) : here->size;
    here->count += parse_line(here->text, start, end, &here->hits[here->count]);
  }
}

static host *find_place(const table *self, const char *name, const hit *what) {
  for (size_t i = what->hash;; i++) {
    host *place = &self->hosts[i & (self->room - 1)];
    if (!place->name || (place->hash == what->hash && place->size == what->size &&
                         memcmp(place->name, name, what->size) == 0))
      return place;
  }
}

static void grow(table *self) {
  table larger = {NULL, self->room ? 2 * self->room : 64, self->count};
  larger.hosts = get_memory(larger.room, sizeof *larger.hosts);
  for (size_t i = 0; i < self->room; i++) {
    const host *old = &self->hosts[i];
    const hit what = {0, old->size, old->hash, 0};
    if (old->name)
      *find_place(&larger, old->name, &what) = *old;
  }
  free(self->hosts);
  *self = larger;
}

static void count_host(table *self, const char *name, const hit *what) {
  if (2 * (self->count + 1) > self->room)
    grow(self);
  host *place = find_place(self, name, what);
  if (!place->name) {
    *place = (host){get_memory(what->size + 1u, 1), what->size, what->hash, 0};
    memcpy(place->name, name, what->size);
    self->count++;
  }
  place->count++;
}

/* The body over a table, for writing, and a block, for reading; `env` has the table's
 * number. */
static void add_hosts(boc_behavior *self, void *env) {
  table *into = payload_at(self, 0);
  const block *from = payload_at(self, 1);
  const unsigned mine = *(unsigned *)env;
  for (size_t i = 0; i < from->count; i++)
    if ((from->hits[i].hash >> 16) % TABLES == mine)
      count_host(into, from->text + from->hits[i].host, &from->hits[i]);
}

/* The body over the statuses, for writing, and a block, for reading. */
static void add_statuses(boc_behavior *self, void *env) {
  statuses *into = payload_at(self, 0);
  const block *from = payload_at(self, 1);
  (void)env;
  for (size_t i = 0; i < from->count; i++)
    into->count[from->hits[i].status]++;
}

static const boc_behavior_type hosts_behavior = {.name = "hosts", .body = add_hosts};
static const boc_behavior_type statuses_behavior = {.name = "statuses",
                                                    .body = add_statuses};

static void add_from(counter *self, const boc_behavior_type *type, boc_cown *into,
                     boc_cown *from, unsigned number) {
  boc_access accesses[] = {{into, BOC_WRITE}, {from, BOC_READ}};
  boc_behavior *behavior;
  check(boc_behavior_new(self->runtime, type, sizeof number, accesses, 2, &behavior),
        type->name);
  *(unsigned *)boc_behavior_env(behavior) = number;
  boc_behavior_schedule(behavior);
}

/* Schedules all work on a block, and drops the block. */
static void count_block(counter *self, boc_cown *text) {
  check(boc_when(self->runtime, &text, 1, parse_block, NULL), "parse");
  add_from(self, &statuses_behavior, self->statuses, text, 0);
  for (unsigned i = 0; i < TABLES; i++)
    add_from(self, &hosts_behavior, self->tables[i], text, i);
  boc_cown_drop(text);
}

/* Fills blocks from `file`, each up to its last newline; the rest goes to the next. */
static void count_file(counter *self, FILE *file) {
  char rest[BLOCK];
  size_t left = 0;
  for (bool more = true; more;) {
    boc_cown *cown;
    check(boc_cown_new(&block_type, &cown), "block");
    block *here = boc_cown_payload(cown);
    memcpy(here->text, rest, left);
    here->size = left + fread(here->text + left, 1, BLOCK - left, file);
    more = here->size == BLOCK;
    left = 0;
    while (more && left < BLOCK - 1 && here->text[here->size - left - 1] != '\n')
      left++;
    if (left == BLOCK - 1)
      left = 0;
    here->size -= left;
    memcpy(rest, here->text + here->size, left);
    count_block(self, cown);
  }
}

static void count_path(counter *self, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  count_file(self, file);
  fclose(file);
}

static unsigned sample_status(unsigned i) { return i % 10 ? 200 : 404; }

static void write_sample(void) {
  FILE *file = fopen(SAMPLE, "wb");
  if (!file) {
    perror(SAMPLE);
    exit(EXIT_FAILURE);
  }
  for (unsigned i = 0; i < SAMPLE_LINES; i++)
    fprintf(file,
            "host%u.example - - [01/Jan/2025:00:00:00 +0000] \"GET /%u HTTP/1.1\" "
            "%u 512\n",
            i % SAMPLE_HOSTS, i, sample_status(i));
  fclose(file);
}

typedef struct totals {
  uint64_t by_status, by_host, hosts, most;
} totals;

static totals add_up(const counter *self) {
  totals sum = {0, 0, 0, 0};
  const statuses *codes = boc_cown_payload(self->statuses);
  for (unsigned i = 0; i < STATUSES; i++) {
    if (codes->count[i])
      printf("status %u: %" PRIu64 "\n", i, codes->count[i]);
    sum.by_status += codes->count[i];
  }
  for (unsigned i = 0; i < TABLES; i++) {
    const table *part = boc_cown_payload(self->tables[i]);
    sum.hosts += part->count;
    for (size_t k = 0; k < part->room; k++) {
      sum.by_host += part->hosts[k].count;
      if (part->hosts[k].count > sum.most)
        sum.most = part->hosts[k].count;
    }
  }
  return sum;
}

static bool sample_is_right(const counter *self, totals sum) {
  const statuses *codes = boc_cown_payload(self->statuses);
  return sum.hosts == SAMPLE_HOSTS && sum.most == SAMPLE_LINES / SAMPLE_HOSTS &&
         codes->count[404] == SAMPLE_LINES / 10 && sum.by_status == SAMPLE_LINES;
}

int main(int count, char **paths) {
  counter self;
  check(boc_runtime_new(NULL, &self.runtime), "start");
  check(boc_cown_new(&statuses_type, &self.statuses), "statuses");
  for (int i = 0; i < TABLES; i++)
    check(boc_cown_new(&table_type, &self.tables[i]), "hosts");

  if (count < 2) {
    write_sample();
    count_path(&self, SAMPLE);
    remove(SAMPLE);
  }
  for (int i = 1; i < count; i++)
    count_path(&self, paths[i]);
  boc_runtime_free(self.runtime); /* finishes what was scheduled */

  const totals sum = add_up(&self);
  printf("%" PRIu64 " hits from %" PRIu64 " hosts, the busiest %" PRIu64 "\n",
         sum.by_host, sum.hosts, sum.most);
  const bool right =
      sum.by_status == sum.by_host && (count > 1 || sample_is_right(&self, sum));
  boc_cown_drop(self.statuses);
  for (int i = 0; i < TABLES; i++)
    boc_cown_drop(self.tables[i]);
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
