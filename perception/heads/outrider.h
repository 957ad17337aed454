/* What our own network gives: the contract between its trainer (perception/train) and its decoder
 * (heads/outrider.c). The ONNX file carries metadata outrider.decoder = "outrider".
 *
 * Input "image" (1, 3, H, W), sides multiples of 32: RGB / 255, minus 0.5, over 0.25; the picture at the top
 * left, scaled to fit, what it does not cover is grey (128).
 *
 * Objects, one output for each of three strides S = 8, 16, 32: "objects8" (1, OWN_OBJECT, H/S, W/S), ...
 * A cell speaks of the object around its centre ((column + 0.5) S, (row + 0.5) S). Lengths are in units of S.
 * Lanes "lanes" (1, OWN_LANE, H/8, W/8): in each row of cells and for each of OWN_BOUNDARIES boundaries, the
 * cell that the boundary passes through in the middle of the row, and where in it.
 * Road "road" (1, 1, H/8, W/8): logit of a cell's centre being drivable.
 *
 * Scales are Laplace's b, as logarithm: |error| is b on average, sigma is sqrt(2) b. */
#ifndef OUTRIDER_HEADS_OUTRIDER_H
#define OUTRIDER_HEADS_OUTRIDER_H

enum { OWN_CLASSES = 8, OWN_LEVELS = 3 }; /* enum object_class 0..7 */

/* Focal length in px, at the network's input, that distances are given for: a camera whose picture comes
 * to fx px at the input sees the same thing at distance * fx / OWN_FOCAL. */
enum { OWN_FOCAL = 544 };

enum own_object {                     /* channels of objects8, 16, 32 */
                  OWN_SCORE = 0,      /* (OWN_CLASSES) logits */
                  OWN_BOX = 8,        /* x1 y1 x2 y2 from the cell's centre, in S */
                  OWN_BOX_SCALE = 12, /* ln b of each, in S */
                  OWN_DISTANCE =
                      16, /* ln of metres, from the camera to the near face's bottom centre, along the ground */
                  OWN_DISTANCE_SCALE = 17, /* ln b of that */
                  OWN_OBJECT = 18
};

/* Boundaries by role: those of scene.h, and the edges of the road. */
enum { OWN_BOUNDARIES = 6, OWN_LANE_TYPES = 6, OWN_LANE_COLORS = 3 };
static const int OWN_ROLE[OWN_BOUNDARIES] = {2, 1, -1, -2, 1, -1}; /* left to right; then edges */
enum { OWN_EDGES = 4 }; /* boundaries from here on are road edges: left, right */

enum own_lane {                      /* channels of lanes */
                OWN_LINE = 0,        /* (OWN_BOUNDARIES) logits: it passes through this cell */
                OWN_LINE_X = 6,      /* (OWN_BOUNDARIES) x from the cell's centre, in cells */
                OWN_LINE_SCALE = 12, /* (OWN_BOUNDARIES) ln b of that */
                OWN_TYPE =
                    18, /* (OWN_LANE_TYPES) logits, enum lane_type - 1, of the line through this cell */
                OWN_COLOR = 24, /* (OWN_LANE_COLORS) logits, enum lane_color - 1 */
                OWN_LANE = 27
};

#endif
