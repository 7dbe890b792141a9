/* Parker: see parker.h; over the mutex and the condition of any platform.
 *
 * Invariants:
 *   1. `token` and `token_from` are only touched with the mutex locked.
 *   2. unpark signals before it unlocks: the owner may end the parker once it has the
 *      token, and can only see the token after that unlock.
 */
#include "parker.h"

#include "os.h"

boc_status boci_parker_init(boci_parker *parker) {
  boc_status status = boci_mutex_init(&parker->mutex);
  if (status != BOC_OK)
    return status;
  status = boci_cond_init(&parker->cond);
  if (status != BOC_OK) {
    boci_mutex_fini(&parker->mutex);
    return status;
  }
  parker->token = false;
  parker->token_from = parker->latest_waker = -1;
  return BOC_OK;
}

void boci_parker_fini(boci_parker *parker) {
  boci_cond_fini(&parker->cond);
  boci_mutex_fini(&parker->mutex);
}

bool boci_parker_park(boci_parker *parker, uint64_t deadline) {
  boci_mutex_lock(&parker->mutex);
  while (!parker->token) {
    if (!boci_cond_wait_until(&parker->cond, &parker->mutex, deadline))
      break;
  }
  bool had_token = parker->token;
  parker->token = false;
  parker->latest_waker = had_token ? parker->token_from : -1;
  boci_mutex_unlock(&parker->mutex);
  return had_token;
}

void boci_parker_unpark(boci_parker *parker) {
  boci_mutex_lock(&parker->mutex);
  parker->token = true;
  parker->token_from = boci_os_current_processor();
  boci_cond_signal(&parker->cond);
  boci_mutex_unlock(&parker->mutex);
}

bool boci_parker_shares_processor(const boci_parker *parker) {
  return parker->latest_waker >= 0 &&
         parker->latest_waker == boci_os_current_processor();
}
