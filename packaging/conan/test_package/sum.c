#include <boc/boc.h>
#include <stdio.h>

static const boc_cown_type number = {.name = "number", .payload_size = sizeof(int)};

static void add(boc_behavior *self, void *arg) {
  (void)arg;
  ++*(int *)boc_cown_payload(boc_behavior_cown(self, 0));
}

int main(void) {
  boc_runtime *runtime;
  boc_cown *sum;
  if (boc_runtime_new(NULL, &runtime) != BOC_OK ||
      boc_cown_new(&number, &sum) != BOC_OK)
    return 1;
  for (int i = 0; i < 1000; i++)
    if (boc_when(runtime, &sum, 1, add, NULL) != BOC_OK)
      return 1;
  boc_runtime_free(runtime);
  const int found = *(int *)boc_cown_payload(sum);
  boc_cown_drop(sum);
  printf("libboc %s: %d\n", boc_version(), found);
  return found == 1000 ? 0 : 1;
}
