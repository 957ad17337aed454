#include "sim/world/plan.h"

#include <math.h>

/* What a number is drawn from where a scenario does not say: for urban, rural, motorway. */
static const struct range usual[PLAN_NUMBERS][3] = {
    [PLAN_DURATION] = {{60, 60}, {60, 60}, {60, 60}},
    [PLAN_LANES] = {{1, 2}, {1, 1}, {2, 3}},
    [PLAN_LANE] = {{0, 0}, {0, 0}, {0, 1}},
    [PLAN_LANE_WIDTH] = {{3, 3.4}, {3, 3.6}, {3.5, 3.75}},
    [PLAN_SPEED] = {{11, 14}, {19, 25}, {27, 35}},
    [PLAN_LIMIT] = {{13.9, 13.9}, {22.2, 27.8}, {30.6, 36.1}},
    [PLAN_CURVES] = {{0.3, 0.6}, {0.5, 0.9}, {0.4, 0.8}},
    [PLAN_RADIUS] = {{60, 300}, {120, 700}, {800, 3000}},
    [PLAN_GRADE] = {{0, 0.02}, {0, 0.06}, {0, 0.04}},
    [PLAN_MEDIAN] = {{0, 0}, {0, 0}, {3, 9}},
    [PLAN_JUNCTIONS] = {{1, 1}, {0, 0}, {0, 0}},
    [PLAN_RAMPS] = {{0, 0}, {0, 0}, {1, 1}},
    [PLAN_TREES] = {{0.1, 0.8}, {0.1, 1}, {0.1, 0.8}},
    [PLAN_BUILDINGS] = {{0.5, 1}, {0, 0.15}, {0, 0.05}},
    [PLAN_TRAFFIC_DENSITY] = {{5, 18}, {2, 10}, {4, 18}},
    [PLAN_TRAFFIC_ONCOMING] = {{5, 18}, {2, 10}, {4, 18}},
    [PLAN_TRAFFIC_SPEED] = {{0.85, 1}, {0.85, 1}, {0.85, 1}},
    [PLAN_TRAFFIC_TRUCKS] = {{0.03, 0.12}, {0.05, 0.2}, {0.08, 0.3}},
    [PLAN_TRAFFIC_PEDESTRIANS] = {{5, 60}, {0, 0}, {0, 0}},
    [PLAN_TRAFFIC_CYCLISTS] = {{0, 6}, {0, 1}, {0, 0}},
    [PLAN_TRAFFIC_PARKED] = {{0.1, 0.8}, {0, 0}, {0, 0}},
    [PLAN_TRAFFIC_CHANGES] = {{1, 1}, {0, 0}, {1, 1}},
    [PLAN_MARKINGS_WEAR] = {{0, 0.5}, {0, 0.6}, {0, 0.4}},
    [PLAN_MARKINGS_WIDTH] = {{0.1, 0.15}, {0.1, 0.15}, {0.12, 0.2}},
    [PLAN_MARKINGS_MISSING] = {{0, 0}, {0, 0}, {0, 0}},
    [PLAN_WEATHER_SUN_ELEVATION] = {{15, 60}, {15, 60}, {15, 60}},
    [PLAN_WEATHER_SUN_AZIMUTH] = {{-180, 180}, {-180, 180}, {-180, 180}},
    [PLAN_WEATHER_CLOUD] = {{0, 0.8}, {0, 0.8}, {0, 0.8}},
};

/* Of words where nothing is said: bits. */
static const uint32_t usual_words[PLAN_CHOICES][3] = {
    [PLAN_STYLE] = {7, 7, 7},
    [PLAN_COLOUR] = {1, 1, 1},
    [PLAN_LINES] = {1, 1, 1},
    [PLAN_CENTRE] = {1u << CENTRE_DASHED | 1u << CENTRE_SOLID | 1u << CENTRE_DOUBLE,
                     1u << CENTRE_DASHED | 1u << CENTRE_MIXED, 1},
    [PLAN_EDGES] = {3, 1, 1},
};

static const struct range usual_script[SCRIPT_NUMBERS] = {
    [SCRIPT_GAP] = {30, 30},      [SCRIPT_SPEED] = {NAN, NAN}, [SCRIPT_RATE] = {4, 4},
    [SCRIPT_TO] = {NAN, NAN},     [SCRIPT_HOLD] = {4, 4},      [SCRIPT_TIME] = {3.5, 3.5},
    [SCRIPT_BY] = {1, 1},         [SCRIPT_SIDE] = {-1, -1},    [SCRIPT_AT_T] = {NAN, NAN},
    [SCRIPT_AT_GAP] = {NAN, NAN},
};

static double draw(struct random *r, const struct range *said, const struct range *otherwise)
{
    const struct range *from = isnan(said->low) ? otherwise : said;

    return from->low == from->high ? from->low : random_range(r, from->low, from->high);
}

static int draw_word(struct random *r, uint32_t said, uint32_t otherwise)
{
    uint32_t bits = said ? said : otherwise;
    int place[32], n = 0;

    for (int i = 0; i < 32; i++)
        if (bits >> i & 1)
            place[n++] = i;
    return n > 1 ? place[random_index(r, n)] : n ? place[0] : 0;
}

void plan_draw(const struct scenario *s, struct random *r, struct plan *out)
{
    int style = draw_word(r, s->choice[PLAN_STYLE], usual_words[PLAN_STYLE][0]);

    out->choice[PLAN_STYLE] = style;
    for (int i = PLAN_STYLE + 1; i < PLAN_CHOICES; i++)
        out->choice[i] = draw_word(r, s->choice[i], usual_words[i][style]);
    for (int i = 0; i < PLAN_NUMBERS; i++)
        out->number[i] = draw(r, &s->number[i], &usual[i][style]);
    static const double fewest[] = {1, 1, 2}, most[] = {2, 1, 4}; /* by style */
    out->number[PLAN_LANES] =
        fmin(fmax(floor(out->number[PLAN_LANES] + 0.5), fewest[style]), most[style]);
    out->number[PLAN_LANE] = fmin(floor(out->number[PLAN_LANE] + 0.5), out->number[PLAN_LANES] - 1);
    out->n_scripts = s->n_scripts;
    for (int k = 0; k < s->n_scripts; k++) {
        for (int i = 0; i < SCRIPT_NUMBERS; i++)
            out->script[k].number[i] = draw(r, &s->script[k].number[i], &usual_script[i]);
        for (int i = 0; i < SCRIPT_CHOICES; i++)
            out->script[k].choice[i] = draw_word(r, s->script[k].choice[i], 1);
    }
}
