#include "daemon/cli/lane_motion.h"

#include <math.h>
#include <stdio.h>

#include "daemon/cli/lane_motion_scores.h"

static const char *const KIND_NAME[] = {
    [TRACKER_KALMAN] = "Kalman", [TRACKER_RNN] = "RNN", [TRACKER_LSTM] = "LSTM"};

static double share(long part, long whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static void print_covered(const struct covered *c)
{
    printf(" %.2f / %.2f |", covered_within(c, 1), covered_within(c, 2));
}

static void print_errors(struct quantiles *q, float scale, const char *unit)
{
    printf(" %.2f / %.2f%s |", (double)(scale * quantiles_at(q, 0.5f)),
           (double)(scale * quantiles_at(q, 0.95f)), unit);
}

static void print_lines(struct lane_motion_scores s[], const bool *asked)
{
    printf("| lines | at 10 m | covered | at 30 m | covered | at 60 m | covered (said) |"
           " 0.5 s unseen | covered (said) | 1 s | covered (said) | 2 s | covered (said) |"
           " id changes / 1000 frames |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (enum tracker_kind k = TRACKER_KALMAN; k <= TRACKER_LSTM; k++) {
        if (!asked[k])
            continue;
        printf("| %s |", KIND_NAME[k]);
        for (int i = 0; i < LANE_PLACES; i++) {
            struct lane_place *p = &s[k].place[i];

            print_errors(&p->error_m, 1, " m");
            if (i < LANE_PLACES - 1)
                print_covered(&p->covered);
            else
                printf(" %.2f / %.2f (%.0f %%) |", covered_within(&p->covered, 1),
                       covered_within(&p->covered, 2), 100 * share(p->covered.n, p->asked));
        }
        for (int i = 0; i < LANE_GAPS; i++) {
            struct lane_gap *g = &s[k].gap[i];

            if (g->covered.n == 0) {
                printf(" - | (0 %% of %ld) |", g->asked);
                continue;
            }
            print_errors(&g->error_m, 1, " m");
            printf(" %.2f / %.2f (%.0f %% of %ld) |", covered_within(&g->covered, 1),
                   covered_within(&g->covered, 2), 100 * share(g->said, g->asked), g->asked);
        }
        printf(" %.1f |\n", 1000 * share(s[k].id_changes, s[k].frames));
    }
}

static void print_lane(struct lane_motion_scores s[], const bool *asked)
{
    printf("\n| our lane | offset | covered | heading | covered | curvature | covered |"
           " wrong side while crossing | time to departure | said |\n"
           "|---|---|---|---|---|---|---|---|---|---|\n");
    for (enum tracker_kind k = TRACKER_KALMAN; k <= TRACKER_LSTM; k++) {
        if (!asked[k])
            continue;
        printf("| %s |", KIND_NAME[k]);
        print_errors(&s[k].offset_m, 1, " m");
        print_covered(&s[k].offset);
        print_errors(&s[k].heading_rad, 1000, " mrad");
        print_covered(&s[k].heading);
        print_errors(&s[k].curvature_1pm, 1000, " 1/km");
        print_covered(&s[k].curvature);
        printf(" %.2f %% of %ld |", 100 * share(s[k].crossing_wrong, s[k].crossing_lines),
               s[k].crossing_lines);
        print_errors(&s[k].departure_s, 1, " s");
        printf(" %.0f %% of %ld |\n", 100 * share(s[k].departures_said, s[k].departures),
               s[k].departures);
    }
}

/* Every other drive with a camera, a rate, errors and knowledge of its own; in all of them paint has
 * more and longer gaps than usual. */
static void plan_of(int i, int seed, const char *scenario, struct lane_drive_plan *out)
{
    uint64_t own = ((uint64_t)seed << 20) + (uint64_t)i;

    if (i % 2 && !scenario)
        lane_drive_vary(own, 1, out);
    else
        lane_drive_plain(own, out);
    out->wander = out->wander || i % 4 == 2;
    if (scenario)
        out->scenario = scenario;
    else if (i % 4 == 0)
        out->scenario = "lane_change";
    out->sight[0].detector.gap_per_s = 0.05f;
    out->sight[0].detector.gap_s = 1.2f;
}

int lane_motion(int drives, int seed, const char *scenario, enum tracker_kind only)
{
    static struct lane_motion_scores sum[TRACKER_LSTM + 1];
    struct lanes *lanes[TRACKER_LSTM + 1] = {NULL};
    bool asked[TRACKER_LSTM + 1] = {false};
    struct lane_drive *d = NULL;
    struct why why = {""};
    enum err e = lane_drive_open(&d, &why);

    for (enum tracker_kind k = TRACKER_KALMAN; e == OK && k <= TRACKER_LSTM; k++) {
        const struct lanes_options o = {.kind = k, .cpu_mask = ~0u};

        asked[k] = !only || only == k;
        e = asked[k] ? lanes_open(&o, &lanes[k], &why) : OK;
    }
    for (int i = 0; e == OK && i < drives; i++) {
        struct lane_drive_plan plan;

        plan_of(i, seed, scenario, &plan);
        e = lane_drive_run(d, &plan, &why);
        for (enum tracker_kind k = TRACKER_KALMAN; e == OK && k <= TRACKER_LSTM; k++)
            if (asked[k])
                lane_motion_scores_add(d, 0, lanes[k], &sum[k]);
    }
    if (e == OK) {
        print_lines(sum, asked);
        print_lane(sum, asked);
    }
    for (enum tracker_kind k = TRACKER_KALMAN; k <= TRACKER_LSTM; k++) {
        lanes_close(lanes[k]);
        lane_motion_scores_finish(&sum[k]);
    }
    lane_drive_close(d);
    if (e != OK)
        fprintf(stderr, "outrider eval motion: %s\n", why.text);
    return e == OK ? 0 : 1;
}
