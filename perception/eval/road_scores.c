#include "perception/eval/road_scores.h"

#include <math.h>

void road_counts_add(const uint8_t *truth, const uint8_t *guess, size_t n, struct road_counts *sum)
{
    for (size_t i = 0; i < n; i++) {
        if (truth[i] == ROAD_IGNORED)
            continue;
        sum->hits += guess[i] && truth[i];
        sum->false_alarms += guess[i] && !truth[i];
        sum->misses += !guess[i] && truth[i];
        sum->rest += !guess[i] && !truth[i];
    }
}

static double share(int64_t part, int64_t rest)
{
    return part + rest > 0 ? (double)part / (double)(part + rest) : NAN;
}

struct road_scores road_scores_of(const struct road_counts *c)
{
    struct road_scores s = {
        .iou = share(c->hits, c->false_alarms + c->misses),
        .precision = share(c->hits, c->false_alarms),
        .recall = share(c->hits, c->misses),
        .other_iou = share(c->rest, c->false_alarms + c->misses),
    };

    s.mean_iou = (s.iou + s.other_iou) / 2;
    return s;
}
