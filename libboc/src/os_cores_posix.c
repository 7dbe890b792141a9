/* How many processors and cores this process may use, on POSIX systems.
 *
 * Linux: the affinity mask, the kernel's list of each processor's siblings, and the
 * quotas of the control groups above the process (version 2: cpu.max; version 1:
 * cpu.cfs_*_us). macOS: the numbers of sysctl. Elsewhere: the processors that are
 * online. A source that cannot be read sets no limit.
 */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#elif defined(__linux__)
#define _GNU_SOURCE
#endif
#include "os.h"

#include <unistd.h>

static unsigned at_least_one(long count) { return count > 1 ? (unsigned)count : 1; }

#if defined(__linux__)

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROCESSORS 8192 /* the most processors that Linux can be built for */
#define SETS (PROCESSORS / CPU_SETSIZE)
#define PATH_SIZE 4352

typedef struct processor_set {
  cpu_set_t sets[SETS];
} processor_set;

static bool read_line(const char *path, char *line, int size) {
  FILE *file = fopen(path, "re");
  if (!file)
    return false;
  bool read = fgets(line, size, file) != NULL;
  fclose(file);
  return read;
}

static bool read_number(const char *path, long *out_number) {
  char line[64];
  if (!read_line(path, line, sizeof line))
    return false;
  *out_number = strtol(line, NULL, 10);
  return true;
}

/* The lowest-numbered processor of the core that `processor` is part of. */
static int core_of(int processor) {
  char path[96];
  long first;
  snprintf(path, sizeof path,
           "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", processor);
  bool known = read_number(path, &first) && first >= 0 && first < PROCESSORS;
  return known ? (int)first : processor;
}

/* How many whole processors `quota` in `period` amounts to, rounded up; 0 if
 * unlimited. */
static long quota_processors(long quota, long period) {
  return quota > 0 && period > 0 ? (quota - 1) / period + 1 : 0;
}

static long group_limit_v2(const char *group) {
  char path[PATH_SIZE], line[64];
  long quota, period;
  snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
  bool limited = read_line(path, line, sizeof line) &&
                 sscanf(line, "%ld %ld", &quota, &period) == 2;
  return limited ? quota_processors(quota, period) : 0;
}

static long group_limit_v1(const char *group) {
  char path[PATH_SIZE];
  long quota, period;
  snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", group);
  if (!read_number(path, &quota))
    return 0;
  snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us", group);
  return read_number(path, &period) ? quota_processors(quota, period) : 0;
}

/* The least limit of `group` and of all groups above it. Overwrites `group`. */
static long least_limit(char *group, long (*limit_of)(const char *group), long least) {
  for (;;) {
    long limit = limit_of(group);
    if (limit > 0 && limit < least)
      least = limit;
    char *slash = strrchr(group, '/');
    if (!slash)
      return least;
    *slash = '\0';
  }
}

/* Whether the comma-separated `controllers` name `cpu`. */
static bool names_cpu(const char *controllers) {
  for (const char *at = controllers; (at = strstr(at, "cpu")) != NULL; at += 3) {
    bool begins = at == controllers || at[-1] == ',';
    if (begins && (at[3] == '\0' || at[3] == ','))
      return true;
  }
  return false;
}

/* A line of /proc/self/cgroup is `number:controllers:group`; version 2 names none. */
static long limited_by_group(char *line, long count) {
  char *controllers = strchr(line, ':');
  char *group = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!group)
    return count;
  *controllers++ = '\0';
  *group++ = '\0';
  group[strcspn(group, "\n")] = '\0';
  if (*controllers == '\0')
    return least_limit(group, group_limit_v2, count);
  return names_cpu(controllers) ? least_limit(group, group_limit_v1, count) : count;
}

static long limited_by_groups(long count) {
  char line[PATH_SIZE - 64];
  FILE *file = fopen("/proc/self/cgroup", "re");
  if (!file)
    return count;
  while (fgets(line, sizeof line, file))
    count = limited_by_group(line, count);
  fclose(file);
  return count;
}

static bool read_affinity(processor_set *set) {
  return sched_getaffinity(0, sizeof set->sets, set->sets) == 0;
}

unsigned boci_os_processor_count(void) {
  processor_set mine = {0};
  long count = read_affinity(&mine) ? CPU_COUNT_S(sizeof mine.sets, mine.sets)
                                    : sysconf(_SC_NPROCESSORS_ONLN);
  return at_least_one(limited_by_groups(count));
}

unsigned boci_os_core_count(void) {
  processor_set mine = {0}, cores = {0};
  if (!read_affinity(&mine))
    return boci_os_processor_count();
  for (int i = 0; i < PROCESSORS; i++) {
    if (CPU_ISSET_S(i, sizeof mine.sets, mine.sets))
      CPU_SET_S(core_of(i), sizeof cores.sets, cores.sets);
  }
  return at_least_one(limited_by_groups(CPU_COUNT_S(sizeof cores.sets, cores.sets)));
}

#elif defined(__APPLE__)

#include <sys/sysctl.h>

static long sysctl_number(const char *name) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, NULL, 0) == 0 ? value : 0;
}

unsigned boci_os_processor_count(void) {
  return at_least_one(sysctl_number("hw.logicalcpu"));
}

unsigned boci_os_core_count(void) {
  return at_least_one(sysctl_number("hw.physicalcpu"));
}

#else

unsigned boci_os_processor_count(void) {
  return at_least_one(sysconf(_SC_NPROCESSORS_ONLN));
}

unsigned boci_os_core_count(void) { return boci_os_processor_count(); }

#endif
