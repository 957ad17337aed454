#include <stdlib.h>

#include "perception/eval/best_pairs.h"
#include "perception/eval/track_scores.h"

enum err identity_add(const struct track_sequence *s, long *id_hits)
{
    const size_t C = (size_t)s->n_guess_ids;
    double *together = calloc((size_t)s->n_truth_ids * C + 1, sizeof *together);
    int *match = calloc((size_t)s->n_truth_ids + 1, sizeof *match);
    enum err e = together && match ? OK : ERR_NOMEM;

    for (int i = 0; e == OK && i < s->n_frames; i++) {
        const struct track_frame *f = &s->frame[i];

        for (int t = 0; t < f->n_truths; t++)
            for (int g = 0; g < f->n_guesses; g++)
                if (f->iou[t * f->n_guesses + g] >= 0.5)
                    together[(size_t)f->truth[t] * C + (size_t)f->guess[g]]++;
    }
    if (e == OK)
        e = best_pairs(together, s->n_truth_ids, s->n_guess_ids, match);
    for (int t = 0; e == OK && t < s->n_truth_ids; t++)
        if (match[t] >= 0)
            *id_hits += (long)together[(size_t)t * C + (size_t)match[t]];
    free(together);
    free(match);
    return e;
}
