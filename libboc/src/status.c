/* Status: texts of status codes; with version, clock and core count, as in base.h. */
#include <boc/base.h>

#include "os.h"

const char *boc_status_text(boc_status status) {
  switch (status) {
#define TEXT(name, kind, text)                                                         \
  case BOC_##name:                                                                     \
    return text;
    BOC_STATUS_MAP(TEXT)
#undef TEXT
  case BOC_STATUS_COUNT:
    break;
  }
  return "unknown status";
}

const char *boc_version(void) { return BOC_VERSION_STRING; }

uint64_t boc_now(void) { return boci_os_now(); }

unsigned boc_core_count(void) { return boci_os_core_count(); }

void boc_yield(void) { boci_os_yield(); }
