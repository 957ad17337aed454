#include "perception/eval/track_scores.h"

#include <math.h>

enum err track_sums_add(const struct track_sequence *s, struct track_sums *sum)
{
    enum err e;

    sum->truths += s->n_truths;
    sum->guesses += s->n_guesses;
    sum->truth_ids += s->n_truth_ids;
    for (int i = 0; i < s->n_guess_ids; i++) /* some may have no box left */
        sum->guess_ids += s->guess_frames[i] > 0;
    if ((e = hota_add(s, &sum->hota)) != OK || (e = clear_add(s, &sum->clear)) != OK)
        return e;
    return identity_add(s, &sum->id_hits);
}

void track_sums_join(struct track_sums *all, const struct track_sums *one)
{
    all->truths += one->truths;
    all->guesses += one->guesses;
    all->truth_ids += one->truth_ids;
    all->guess_ids += one->guess_ids;
    all->id_hits += one->id_hits;
    for (int k = 0; k < HOTA_ALPHAS; k++) {
        all->hota.hits[k] += one->hota.hits[k];
        all->hota.association[k] += one->hota.association[k];
        all->hota.overlap[k] += one->hota.overlap[k];
    }
    all->clear.hits += one->clear.hits;
    all->clear.switches += one->clear.switches;
    all->clear.fragments += one->clear.fragments;
    all->clear.overlap += one->clear.overlap;
    all->clear.mostly_tracked += one->clear.mostly_tracked;
    all->clear.mostly_lost += one->clear.mostly_lost;
}

static double share(double a, double b)
{
    return b > 0 ? a / b : 0;
}

/* Each is the mean over the alphas. */
static void average_hota(const struct track_sums *sum, struct track_scores *out)
{
    const struct hota_sums *h = &sum->hota;

    for (int k = 0; k < HOTA_ALPHAS; k++) {
        const double hits = (double)h->hits[k];
        const double det = share(hits, (double)(sum->truths + sum->guesses) - hits);
        const double ass = share(h->association[k], hits);

        out->hota += sqrt(det * ass) / HOTA_ALPHAS;
        out->deta += det / HOTA_ALPHAS;
        out->assa += ass / HOTA_ALPHAS;
        out->loca += (hits > 0 ? h->overlap[k] / hits : 1) / HOTA_ALPHAS;
    }
}

struct track_scores track_scores_of(const struct track_sums *sum)
{
    struct track_scores out = {0};
    const double truths = (double)sum->truths, guesses = (double)sum->guesses;

    average_hota(sum, &out);
    out.misses = sum->truths - sum->clear.hits;
    out.false_alarms = sum->guesses - sum->clear.hits;
    out.mota = share((double)(sum->clear.hits - out.false_alarms - sum->clear.switches), truths);
    out.motp = share(sum->clear.overlap, (double)sum->clear.hits);
    out.idf1 = share(2 * (double)sum->id_hits, truths + guesses);
    out.idp = share((double)sum->id_hits, guesses);
    out.idr = share((double)sum->id_hits, truths);
    return out;
}
