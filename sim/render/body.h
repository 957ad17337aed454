/* Bodies of cars: a loft of cross sections along x (forward), closed by two ends that are painted
 * from small pictures. Metres; origin on the ground in the middle of the footprint. */
#ifndef OUTRIDER_SIM_RENDER_BODY_H
#define OUTRIDER_SIM_RENDER_BODY_H

#include "sim/render/mesh.h"

enum { BODY_KEYS = 14, FASCIA_ROWS = 14 };

/* What lies behind a key, towards the front, until the next one. */
enum body_top { TOP_SHEET, TOP_GLASS, TOP_BLACK };
enum body_side { SIDE_SHEET, SIDE_GLASS, SIDE_BLACK };

struct body_key {
    float x;    /* m from the middle */
    float top;  /* height of the middle line */
    float belt; /* where windows begin */
    float half; /* half width at the waist */
    float roof; /* half width of the top */
    enum body_top above;
    enum body_side beside;
};

struct body {
    float length, width, height;
    float clearance;            /* of the underside */
    float axle[2], wheel, tyre; /* x of rear and front axle; radius; width */
    float bow[2];               /* how much rear and front are rounded in plan, m */
    int n_keys;
    struct body_key key[BODY_KEYS];
    /* Pictures of the rear and front ends, from the top down; each row runs from the middle to the
     * side. b body, k black, g glass, c chrome, m mesh of a grille, l lamp, i indicator, p plate,
     * r reflector, f fog lamp, x nothing special. */
    const char *rear[FASCIA_ROWS], *front[FASCIA_ROWS];
    uint32_t trim; /* colour of sills */
};

enum { BONE_BODY, BONE_REAR, BONE_LEFT, BONE_RIGHT }; /* of cars: body, rear axle, front wheels */

/* detail: 0 near, 1 middling, 2 far away. */
void body_build(struct builder *b, const struct body *body, int detail);

/* A wheel about (x, y, radius), its outer face towards +y or -y. */
void wheel_build(struct builder *b, struct v3 centre, float radius, float width, float outwards,
                 int style);

#endif
