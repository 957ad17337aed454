/* Roads as plain data: a reference line of clothoid pieces, and what lies along it in Frenet
 * coordinates: s metres along the line, d metres to its left.
 *
 * World frame: x east, y north, z up, metres; headings counter-clockwise from x, radians. A line's
 * curvature runs linearly through each piece (a clothoid; a straight or an arc where both ends
 * agree), and so do grade (dz/ds) and bank (slope of z to the left, dz/dd). Everything across the
 * road (lanes, markings, edges, the ground) is a profile: a lateral offset that changes along s.
 * A merge or an exit is a lane whose offset and width change; a road that crosses, a ramp or the
 * other carriageway is a road of its own, and lane.next says where a lane goes on. The other
 * carriageway has the same line as road 0 and lies at other offsets, so that s is the same on both.
 * s is measured in plan (its steps are horizontal): z rises by the grade, x and y do not shorten.
 * A road that crosses road 0 lies 15 mm lower where they overlap, so that road 0 shows there. */
#ifndef OUTRIDER_SIM_ROAD_H
#define OUTRIDER_SIM_ROAD_H

#include <stdbool.h>

#include "perception/base/err.h"

enum {
    ROAD_MAX = 24, /* roads of a network; road 0 is the one that ego starts on */
    ROAD_MAX_PIECES = 192,
    ROAD_MAX_LANES = 80,
    ROAD_MAX_MARKINGS = 160,
    ROAD_MAX_EDGES = 64,
    PROFILE_MAX_KNOTS = 16,
};

struct road_piece {
    double s, length;              /* where it begins on the line, and how long it is, m */
    double x, y, z, heading;       /* pose of its beginning; filled in by road_finish() */
    double curvature0, curvature1; /* 1/m, left > 0 */
    double grade0, grade1;         /* dz/ds */
    double bank0, bank1;           /* dz/dd */
};

/* A number along s: constant before the first and after the last knot, and between two of them
 * eased, v0 + (v1 - v0) (3t^2 - 2t^3), so that it has no corners. */
struct profile {
    int n; /* at least 1 */
    struct {
        double s, v;
    } knot[PROFILE_MAX_KNOTS];
};

enum lane_use {
    LANE_DRIVE,
    LANE_SHOULDER,
    LANE_PARKING,
    LANE_CYCLE,
    LANE_PAVEMENT, /* for people on foot */
};

struct road_lane {
    enum lane_use use;
    int direction;            /* +1: traffic drives with growing s, -1: against it */
    double s0, s1;            /* it exists here */
    struct profile centre;    /* d */
    struct profile width;     /* m */
    double speed_limit;       /* m/s */
    int next_road, next_lane; /* where it goes on after its end (in its direction); -1: nowhere */
    double next_s;
    int left, right; /* lanes of the same direction beside it as seen by its driver, -1: none */
};

enum marking_type {
    MARKING_SOLID,
    MARKING_DASHED,
    MARKING_DOUBLE,       /* two solid lines */
    MARKING_SOLID_DASHED, /* two lines, the one on the left solid, the right one dashed */
    MARKING_BOTTS_DOTS,
    MARKING_STOP_LINE, /* across: from s0 to s1, over width around offset */
    MARKING_CROSSING,  /* zebra: bars along the road from s0 to s1, over width around offset */
    MARKING_ARROW,     /* ahead, for traffic along (width > 0) or against (< 0) s */
};
enum marking_color { MARKING_WHITE, MARKING_YELLOW };

struct road_marking {
    enum marking_type type;
    enum marking_color color;
    double s0, s1;         /* the whole of what is painted, along the road */
    struct profile offset; /* d of its middle */
    double width;     /* of a line, m; of crossings and stop lines: how far they reach across */
    double dash, gap; /* m, of dashed lines and dots */
    float wear;       /* 0 fresh .. 1 nearly gone */
    bool temporary;   /* of a construction site: where it lies, the others do not count */
    bool boundary;    /* it bounds lanes: part of the truth about lanes */
};

enum edge_kind {
    EDGE_SOIL, /* asphalt ends in grass or sand */
    EDGE_KERB,
    EDGE_GUARD_RAIL,
    EDGE_CONCRETE, /* Jersey barrier */
    EDGE_WALL,     /* of a tunnel, a noise barrier */
    EDGE_FENCE,
};

struct road_edge {
    enum edge_kind kind;
    double s0, s1;
    struct profile offset;
    double height; /* m above the road; 0 for EDGE_SOIL */
    bool limits;   /* where the drivable surface ends: part of the truth as a road edge */
};

struct roadway {
    int n_pieces;
    struct road_piece piece[ROAD_MAX_PIECES];
    double length;
    struct profile left, right; /* d of the ends of the asphalt, left > right */
    int n_lanes;
    struct road_lane lane[ROAD_MAX_LANES];
    int n_markings;
    struct road_marking marking[ROAD_MAX_MARKINGS];
    int n_edges;
    struct road_edge edge[ROAD_MAX_EDGES];
};

struct road_network {
    int n_roads;
    struct roadway road[ROAD_MAX];
};

struct road_point { /* on the surface */
    double x, y, z;
    double heading, curvature; /* of the line that runs parallel to the reference line there */
    double grade, bank;
};

double profile_at(const struct profile *p, double s);

/* Append a piece at the end of the line; its grade and bank begin as those before it ended (the
 * first's are constant). ERR_LIMIT when there are too many. */
MUST_CHECK enum err road_append(struct roadway *r, double length, double curvature0,
                                double curvature1, double grade1, double bank1);
/* Set where the line begins and integrate the pieces' poses from there; call it after the last
 * road_append() and before anything below. */
void road_finish(struct roadway *r, double x, double y, double z, double heading);

/* The point at (s, d); s outside the road goes straight on. */
struct road_point road_at(const struct roadway *r, double s, double d);

/* World -> Frenet, by Newton's method from a first guess of s (NAN: looks everywhere). False when
 * the point is further than 200 m from the line or beyond its ends. */
bool road_locate(const struct roadway *r, double x, double y, double s_guess, double *s, double *d);

/* Lane of the given use (any direction) over d at s, -1: none. */
int road_lane_at(const struct roadway *r, double s, double d, enum lane_use use);

#endif
