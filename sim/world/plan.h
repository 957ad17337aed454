/* Inside the world only. A scenario as it was written (ranges and choices) and a plan: what a seed
 * made of it, one number each. */
#ifndef OUTRIDER_SIM_PLAN_H
#define OUTRIDER_SIM_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/world/random.h"
#include "sim/world/scenario.h"
#include "sim/world/world.h"

enum plan_number {
    PLAN_DURATION,
    PLAN_LANES,
    PLAN_LANE,
    PLAN_LANE_WIDTH,
    PLAN_SPEED,
    PLAN_LIMIT,
    PLAN_CURVES,
    PLAN_RADIUS,
    PLAN_GRADE,
    PLAN_MEDIAN,
    PLAN_JUNCTIONS,
    PLAN_RAMPS,
    PLAN_TREES,
    PLAN_BUILDINGS,
    PLAN_TRAFFIC_DENSITY,
    PLAN_TRAFFIC_ONCOMING,
    PLAN_TRAFFIC_SPEED,
    PLAN_TRAFFIC_TRUCKS,
    PLAN_TRAFFIC_PEDESTRIANS,
    PLAN_TRAFFIC_CYCLISTS,
    PLAN_TRAFFIC_PARKED,
    PLAN_TRAFFIC_CHANGES,
    PLAN_MARKINGS_WEAR,
    PLAN_MARKINGS_WIDTH,
    PLAN_MARKINGS_MISSING,
    PLAN_WEATHER_SUN_ELEVATION,
    PLAN_WEATHER_SUN_AZIMUTH,
    PLAN_WEATHER_CLOUD,
    PLAN_WEATHER_RAIN,
    PLAN_WEATHER_WETNESS,
    PLAN_WEATHER_FOG,
    PLAN_WEATHER_DIRT,
    PLAN_TUNNEL_AT,
    PLAN_TUNNEL_LENGTH,
    PLAN_CONSTRUCTION_AT,
    PLAN_CONSTRUCTION_LENGTH,
    PLAN_NUMBERS
};

enum plan_choice { PLAN_STYLE, PLAN_COLOUR, PLAN_LINES, PLAN_CENTRE, PLAN_EDGES, PLAN_CHOICES };
enum lines_choice { LINES_DASHED, LINES_BOTTS_DOTS };
enum centre_choice { CENTRE_DASHED, CENTRE_SOLID, CENTRE_DOUBLE, CENTRE_MIXED, CENTRE_NONE };
enum edges_choice { EDGES_SOLID, EDGES_NONE };

enum script_number {
    SCRIPT_LANE, /* relative to ego's, left > 0 */
    SCRIPT_GAP,  /* m between bumpers; behind ego < 0 */
    SCRIPT_SPEED,
    SCRIPT_RATE, /* m/s^2 of braking */
    SCRIPT_TO,   /* m/s afterwards */
    SCRIPT_HOLD, /* s */
    SCRIPT_TIME, /* s that a manoeuvre takes */
    SCRIPT_BY,   /* lanes to change by, left > 0 */
    SCRIPT_SIDE, /* of people who cross: from the left > 0 */
    SCRIPT_AT_T,
    SCRIPT_AT_GAP,
    SCRIPT_NUMBERS
};
enum script_choice { SCRIPT_KIND, SCRIPT_WAY, SCRIPT_DO, SCRIPT_CHOICES };
enum script_kind { SCRIPT_EGO = ACTOR_KINDS }; /* beside enum actor_kind */
enum script_way { WAY_SAME, WAY_ONCOMING };
enum script_do {
    DO_KEEP,
    DO_CUT_IN,
    DO_BRAKE,
    DO_STOP_AND_GO,
    DO_LANE_CHANGE,
    DO_OVERTAKE,
    DO_CROSS
};

enum { PLAN_MAX_SCRIPTS = 24 };

struct range {
    double low, high; /* NAN: not said */
};

struct scenario_script {
    struct range number[SCRIPT_NUMBERS];
    uint32_t choice[SCRIPT_CHOICES]; /* bits of those allowed; 0: not said */
};

struct scenario {
    char name[64], about[160];
    struct range number[PLAN_NUMBERS];
    uint32_t choice[PLAN_CHOICES];
    int n_scripts;
    struct scenario_script script[PLAN_MAX_SCRIPTS];
};

struct script {
    double number[SCRIPT_NUMBERS];
    int choice[SCRIPT_CHOICES];
};

struct plan {
    double number[PLAN_NUMBERS];
    int choice[PLAN_CHOICES];
    int n_scripts;
    struct script script[PLAN_MAX_SCRIPTS];
};

void plan_draw(const struct scenario *s, struct random *r, struct plan *out);

/* The files compiled in; the last has no name. */
struct scenario_file {
    const char *name, *text;
};
extern const struct scenario_file scenario_files[];

#endif
