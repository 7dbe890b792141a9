/* All of libboc's C API. */
#ifndef BOC_BOC_H
#define BOC_BOC_H

#include <boc/base.h>
#include <boc/behavior.h>
#include <boc/cown.h>
#include <boc/lane.h>
#include <boc/message.h>
#include <boc/noticeboard.h>
#include <boc/runtime.h>
#include <boc/scope.h>
#include <boc/stats.h>
#include <boc/timer.h>
#include <boc/trace.h>

#endif
