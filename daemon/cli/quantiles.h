/* Numbers, and below which of them a share of all lies. */
#ifndef OUTRIDER_DAEMON_CLI_QUANTILES_H
#define OUTRIDER_DAEMON_CLI_QUANTILES_H

#include <stdbool.h>
#include <stddef.h>

struct quantiles { /* zeroed: empty */
    float *v;
    size_t n, capacity;
};
bool quantiles_add(struct quantiles *q, float v);     /* false: no memory; NAN is left out */
float quantiles_at(struct quantiles *q, float share); /* NAN: empty */
void quantiles_finish(struct quantiles *q);

#endif
