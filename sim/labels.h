/* Truth as the label files people train and score with. Each writes text to a FILE and fails never
 * by itself: look at ferror() or fclose(). */
#ifndef OUTRIDER_SIM_LABELS_H
#define OUTRIDER_SIM_LABELS_H

#include <stdio.h>

#include "sim/truth.h"

/* What a detector can be asked for: at least 10 pixels wide and high (a car at 80 m, 640 pixels over
 * 61 degrees), 40 of them to be seen, and no more than 75 % behind others. The rest is to be ignored: neither a miss nor a false alarm. */
bool label_counts(const struct object *o, const struct truth_object *more);

/* YOLO: "class cx cy w h", normalised, one line a visible box. ignored: those that do not count,
 * else those that do. Returns the number of lines. */
int labels_yolo(const struct truth *t, const struct camera *c, bool ignored, FILE *f);

/* TuSimple: one JSON object a line. lanes: lines by the role of their side, [left, right, next left,
 * next right], x in every row of h_samples (10 apart, from the horizon's down), -2: not there. */
void labels_tusimple(const struct truth *t, const struct camera *c, const char *raw_file, FILE *f);

/* KITTI tracking: frame id type truncated occluded alpha box h w l X Y Z rotation_y, for every
 * actor. The camera axes are those of the picture (x right, y down, z forward). */
void labels_kitti(const struct truth *t, const struct camera *c, int frame, FILE *f);
const char *labels_kitti_type(enum object_class c); /* NULL: KITTI has no such thing */

/* Everything a network can learn from a frame, one JSON object a line: "image"; "conditions": words, a light
 * (day, dusk, night), urban, rural or motorway, perhaps rain, fog; "objects": class,
 * box (visible, px), full (whole silhouette, px), at (near face, m, vehicle frame), size (length, width,
 * height, m), velocity (relative to us, m/s), lead (true: the next in our way), yaw, occlusion, truncation, counts
 * (label_counts); "boundaries": role, kind, type,
 * color (enums of perception/scene.h, 0 unknown), pixels [[x, y], ...] from the bottom upwards. */
void labels_truth(const struct truth *t, const struct world *w, const char *image, FILE *f);

/* calibration.yaml beside the pictures, as sim/calibration.h reads it. */
void labels_calibration(const struct camera *c, FILE *f);

#endif
