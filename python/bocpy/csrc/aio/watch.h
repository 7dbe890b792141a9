/* Watch: what an event loop waits for that is no cown: quiescence, messages, scopes. */
#ifndef BOCPY_WATCH_H
#define BOCPY_WATCH_H

#include "bridge.h"

extern PyType_Spec bocpy_watch_spec;

#endif
