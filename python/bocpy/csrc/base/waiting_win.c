/* Waiting on Windows: the event is an event object. Ctrl-C does not end a wait for one,
 * so the sleep is cut into slices, between which the caller checks for Ctrl-C. */
#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#include <winsock2.h>

#include "waiting.h"

#define SLICE_MS 25

bool bocpy_event_init(bocpy_waiter *waiter) {
  HANDLE event = CreateEventW(NULL, FALSE, FALSE, NULL);
  waiter->handles[0] = (intptr_t)event;
  return event != NULL;
}

bool bocpy_signal_event_init(bocpy_waiter *waiter) { return bocpy_event_init(waiter); }

void bocpy_event_fini(bocpy_waiter *waiter) { CloseHandle((HANDLE)waiter->handles[0]); }

void bocpy_event_set(bocpy_waiter *waiter) { SetEvent((HANDLE)waiter->handles[0]); }

void bocpy_descriptor_write(intptr_t descriptor) { send((SOCKET)descriptor, "", 1, 0); }

bool bocpy_event_take(bocpy_waiter *waiter) {
  return WaitForSingleObject((HANDLE)waiter->handles[0], 0) == WAIT_OBJECT_0;
}

bocpy_signals bocpy_signals_to(bocpy_waiter *event) {
  (void)event;
  return 0;
}

void bocpy_signals_back(bocpy_waiter *event, bocpy_signals before) {
  (void)event;
  (void)before;
}

int bocpy_processor(void) { return (int)GetCurrentProcessorNumber(); }

bool bocpy_event_is_set(bocpy_waiter *waiter) {
  bool set = bocpy_event_take(waiter);
  if (set)
    bocpy_event_set(waiter);
  return set;
}

/* Sets again the event that the wait has reset: the caller takes it. */
void bocpy_event_sleep(bocpy_waiter *waiter, bocpy_waiter *wakeup,
                       bocpy_waiter *signals, int64_t timeout) {
  (void)signals;
  HANDLE events[2] = {(HANDLE)waiter->handles[0],
                      wakeup ? (HANDLE)wakeup->handles[0] : NULL};
  DWORD slice = SLICE_MS;
  if (timeout >= 0 && timeout < (int64_t)SLICE_MS * 1000000)
    slice = (DWORD)((timeout + 999999) / 1000000);
  DWORD woken = WaitForMultipleObjects(wakeup ? 2 : 1, events, FALSE, slice);
  if (woken == WAIT_OBJECT_0 || (wakeup && woken == WAIT_OBJECT_0 + 1))
    SetEvent(events[woken - WAIT_OBJECT_0]);
}

#endif
