/* Inside the world only: what making roads and what stands beside them needs and leaves behind. */
#ifndef OUTRIDER_SIM_BUILD_H
#define OUTRIDER_SIM_BUILD_H

#include "sim/world/plan.h"

enum { PLACES_MAX_JUNCTIONS = 20, PLACES_MAX_ZEBRAS = 40, PLACES_MAX_LIGHTS = 96 };

/* Road 0 meets another one. Index 0 of pairs: for traffic with growing s, 1: against it. */
struct junction {
    double s, half; /* its middle and half its length on road 0 */
    int road;       /* the one that crosses */
    double cross_s, cross_half;
    bool lights;
    double period, offset;         /* s, of the lights */
    double stop[2], cross_stop[2]; /* s of stop lines; NAN: no such arm */
};

struct zebra {
    double s0, s1; /* on road 0 */
};

struct signal_head { /* a traffic light that changes */
    int prop, junction;
    bool cross; /* for the road that crosses */
};

/* What drivers must know beside the lanes. */
struct places {
    int n_junctions;
    struct junction junction[PLACES_MAX_JUNCTIONS];
    int n_zebras;
    struct zebra zebra[PLACES_MAX_ZEBRAS];
    int n_lights;
    struct signal_head light[PLACES_MAX_LIGHTS];
    double site0, site1; /* of the construction site; equal: none */
    double tunnel0, tunnel1;
};

struct build {
    struct world *w;
    const struct plan *plan;
    struct places *places;
    struct random r;
    double start; /* s of ego at the beginning */
    bool full;    /* something did not fit */
};

/* The road network of the plan, with everything on it. ERR_LIMIT when it does not fit. */
MUST_CHECK enum err network_build(struct build *b, struct why *why);
/* The styles' own parts of it. */
void network_urban(struct build *b);
void network_rural(struct build *b);
void network_motorway(struct build *b);

/* line.c: straights and curves up to about the length. The first straight is at least as long as
 * said; headings stay within 70 degrees of the first, so the line does not meet itself. */
void line_build(struct build *b, struct roadway *r, double length, double first_straight);

/* parts.c: one thing on a road each; the last three numbers of range and place are metres. */
struct profile profile_of(double v);
struct profile profile_moved(const struct profile *p, double by, double times); /* v times + by */
void profile_add(struct profile *p, double s, double v);
int part_lane(struct build *b, int road, const struct road_lane *lane); /* index */
struct road_marking *part_line(struct build *b, int road, enum marking_type type,
                               const struct profile *offset, double s0, double s1);
void part_edge(struct build *b, int road, enum edge_kind kind, const struct profile *offset,
               double height, bool limits, double s0, double s1);
/* The same along the road but for the junctions and the tunnel. */
void part_edge_open(struct build *b, int road, enum edge_kind kind, const struct profile *offset,
                    double height, bool limits, double s0, double s1);
struct prop *part_prop(struct build *b, enum prop_kind kind, int road, double s, double d,
                       double turn);
void part_tunnel(struct build *b, int road, double s0, double s1);
/* Temporary markings and beacons; shift: how far the lanes move there. */
void part_site(struct build *b, int road, const struct profile *shift, double beacons_d);
bool part_free(const struct build *b, double x, double y, double margin, int but_road);

/* scenery.c: trees, buildings, posts, lamps, signs, gantries, bridges. */
void scenery_build(struct build *b);

/* The state of a light at time t. */
enum light_state junction_light(const struct junction *j, bool cross, double t);

#endif
