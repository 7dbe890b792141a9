/* Watch: conditions other than cowns that an event loop waits for: quiescence,
 * messages, scopes. */
#ifndef BOCPY_WATCH_H
#define BOCPY_WATCH_H

#include "completion_queue.h"

extern PyType_Spec bocpy_watch_spec;

#endif
