/* Any bytes as a scenario; where it is one, its world for half a second. */
#include <stdint.h>

#include "sim/world/scenario.h"
#include "sim/world/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario *s;
    struct world *w;
    struct why why;

    if (scenario_parse((const char *)data, size, "a.yaml", &s, &why) != OK)
        return 0;
    for (uint64_t seed = 1; seed <= 3; seed++)
        if (world_open(s, seed, &w, &why) == OK) {
            for (int i = 0; i < 5; i++)
                world_step(w, 0.1, NULL);
            world_close(w);
        }
    scenario_close(s);
    return 0;
}
