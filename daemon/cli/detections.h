/* Files of detections, as trackers are fed with them: text, one box a line.
 *
 *   kitti  frame,type,x1,y1,x2,y2,score[,...]  type 1 pedestrian, 2 car, 3 cyclist; frames from 0
 *          or the form of KITTI's own results, separated by spaces:
 *          frame id name truncated occluded alpha x1 y1 x2 y2 h w l X Y Z rotation [score]
 *   mot    frame,id,x,y,width,height,score[,...]  frames from 1, people
 *
 * Scores are probabilities if all of a file lie in 0..1, otherwise logits: a score s becomes
 * 1 / (1 + exp(-(scale s + shift))). */
#ifndef OUTRIDER_DAEMON_DETECTIONS_H
#define OUTRIDER_DAEMON_DETECTIONS_H

#include <stddef.h>

#include "perception/base/err.h"
#include "perception/heads/head.h"

enum detections_format { DETECTIONS_KITTI, DETECTIONS_MOT };

enum { DETECTIONS_MAX_ROWS = 1 << 22, DETECTIONS_MAX_FRAME = 1 << 20 };

struct detections_row {
    int frame; /* as in the file */
    struct detection detection;
};

struct detections { /* by frame, then by score, best first */
    struct detections_row *row;
    size_t n, room;
};

/* How the logits of a detector become probabilities that are right as often as they say. */
struct detections_logit {
    float scale, shift;
};
/* Of the files that KITTI's trackers are usually compared on, those of PointRCNN: a logistic fit to
 * its cars of sequences 0000 to 0006 (0.735, -1.866). Plain 1, 0 says 0.92 of those that are right
 * in half of the cases. */
extern const struct detections_logit DETECTIONS_KITTI_LOGIT;

/* ERR_IO, ERR_FORMAT or ERR_LIMIT with file, line and field. Release with detections_finish(). */
MUST_CHECK enum err detections_read(const char *path, enum detections_format format,
                                    struct detections_logit logit, struct detections *out,
                                    struct why *why);
void detections_finish(struct detections *d); /* zeroed is fine */

#endif
