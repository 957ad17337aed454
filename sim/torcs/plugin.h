/* The two halves of the shared object that TORCS loads: eyes (plugin.c) and drivers (robots.c). */
#ifndef OUTRIDER_SIM_TORCS_PLUGIN_H
#define OUTRIDER_SIM_TORCS_PLUGIN_H

#include "sim/torcs/abi.h"
#include "sim/torcs/link.h"

extern struct torcs_order plugin_order; /* the last one */

/* Entry points, each named after the file that TORCS finds it in. */
int outrider_graphic(struct abi_module *m);
int outrider_robots(struct abi_module *m);

float robots_place(const struct abi_car *c); /* m along the middle line from the start */

#endif
