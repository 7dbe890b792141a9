/* Time, processors and threads on Windows. */
#define WIN32_LEAN_AND_MEAN
#if !defined(_WIN32_WINNT)
#define _WIN32_WINNT 0x0601
#endif
#include <windows.h>

#include <limits.h>
#include <process.h>
#include <stdlib.h>

#include "os.h"

#define SECOND UINT64_C(1000000000)

typedef struct thread_start {
  HANDLE handle;
  void (*entry)(void *arg);
  void *arg;
  wchar_t name[16];
} thread_start;

/* The frequency never changes while the system runs. Seconds and rest are converted
 * apart, because their product would overflow within hours. */
uint64_t boci_os_now(void) {
  LARGE_INTEGER frequency, counter;
  QueryPerformanceFrequency(&frequency);
  QueryPerformanceCounter(&counter);
  uint64_t ticks = (uint64_t)counter.QuadPart;
  uint64_t per_second = (uint64_t)frequency.QuadPart;
  uint64_t now = ticks / per_second * SECOND + ticks % per_second * SECOND / per_second;
  return now != 0 ? now : 1;
}

void boci_os_yield(void) { SwitchToThread(); }

/* A group has at most 64 processors. */
int boci_os_current_processor(void) {
  PROCESSOR_NUMBER number;
  GetCurrentProcessorNumberEx(&number);
  return number.Group * 64 + number.Number;
}

bool boci_os_can_fence_others(void) { return false; }

bool boci_os_fence_others(void) { return false; }

uint64_t boci_os_process(void) { return GetCurrentProcessId(); }

void boci_os_watch_forks(void (*in_child)(void)) { (void)in_child; }

void boci_os_huge_pages(void *memory, size_t size) {
  (void)memory;
  (void)size;
}

static unsigned at_least_one(unsigned count) { return count > 1 ? count : 1; }

/* The process's mask in its group, or all ones if it spans several groups. */
static KAFFINITY process_mask(void) {
  DWORD_PTR process = 0, system = 0;
  bool known = GetProcessAffinityMask(GetCurrentProcess(), &process, &system);
  return known && process != 0 ? process : ~(KAFFINITY)0;
}

unsigned boci_os_processor_count(void) {
  unsigned count = 0;
  for (KAFFINITY mask = process_mask(); mask != 0; mask &= mask - 1)
    count++;
  if (count < sizeof(KAFFINITY) * 8)
    return at_least_one(count);
  return at_least_one(GetActiveProcessorCount(ALL_PROCESSOR_GROUPS));
}

/* A process with a mask has its processors in one group. Which group matters only on
 * systems with several, where a mask that is not all ones is rare. */
static unsigned count_cores(const char *records, DWORD size) {
  KAFFINITY mask = process_mask();
  unsigned count = 0;
  for (DWORD at = 0; at < size;) {
    const SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX *record =
        (const void *)(records + at);
    if (record->Relationship == RelationProcessorCore &&
        (record->Processor.GroupMask[0].Mask & mask) != 0)
      count++;
    at += record->Size;
  }
  return count;
}

unsigned boci_os_core_count(void) {
  DWORD size = 0;
  GetLogicalProcessorInformationEx(RelationProcessorCore, NULL, &size);
  char *records = malloc(size != 0 ? size : 1);
  unsigned count = 0;
  if (records && GetLogicalProcessorInformationEx(
                     RelationProcessorCore,
                     (PSYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX)(void *)records, &size))
    count = count_cores(records, size);
  free(records);
  return count != 0 ? count : boci_os_processor_count();
}

/* Windows 10 can name a thread; older ones have no such function. */
static void name_this_thread(const wchar_t *name) {
  typedef HRESULT(WINAPI * set_description)(HANDLE thread, PCWSTR text);
  HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
  FARPROC found = kernel ? GetProcAddress(kernel, "SetThreadDescription") : NULL;
  set_description set = (set_description)(void (*)(void))found;
  if (set)
    set(GetCurrentThread(), name);
}

static unsigned __stdcall run_thread(void *memory) {
  thread_start *start = memory;
  name_this_thread(start->name);
  start->entry(start->arg);
  return 0;
}

boc_status boci_thread_start(boci_thread *thread, void (*entry)(void *arg), void *arg,
                             const char *name, size_t stack_size) {
  if (stack_size > UINT_MAX)
    return BOC_NO_THREAD; /* what the system takes is an unsigned int */
  thread_start *start = calloc(1, sizeof *start);
  if (!start)
    return BOC_NO_MEMORY;
  start->entry = entry;
  start->arg = arg;
  for (size_t i = 0; i < 15 && name[i] != '\0'; i++)
    start->name[i] = (unsigned char)name[i];
  start->handle = (HANDLE)_beginthreadex(NULL, (unsigned)stack_size, run_thread, start,
                                         STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
  if (!start->handle) {
    free(start);
    return BOC_NO_THREAD;
  }
  thread->handle = start;
  return BOC_OK;
}

void boci_thread_join(boci_thread *thread) {
  thread_start *start = thread->handle;
  BOCI_REQUIRE(WaitForSingleObject(start->handle, INFINITE) == WAIT_OBJECT_0);
  CloseHandle(start->handle);
  free(start);
  thread->handle = NULL;
}
