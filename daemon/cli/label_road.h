/* What a network says of the road -> a mask to learn from, which would rather say nothing than something
 * wrong:
 *   road      where the network is sure of it
 *   not road  where it is sure of that, and the place is above all road, or its hue is not the road's:
 *             networks that learned "where may I drive" call the other carriageway not road
 *   unknown   the rest; and everything, where the network is seldom sure of what it takes for road, or
 *             that is little: not the view of a road */
#ifndef OUTRIDER_DAEMON_CLI_LABEL_ROAD_H
#define OUTRIDER_DAEMON_CLI_LABEL_ROAD_H

#include <stdbool.h>

#include "perception/heads/head.h"

enum { LABEL_ROAD_NOT = 0, LABEL_ROAD = 1, LABEL_ROAD_UNKNOWN = 255 };

/* Probabilities up to low are sure of not road, from high on of road. out: (height, width) of the picture,
 * ids. False: all of it is unknown. */
bool label_road(const struct road_mask *road, const struct image *rgb, double low, double high,
                uint8_t *out);

#endif
