/* The course of a road: straights and curves, each curve led in and out by a clothoid, banked
 * towards its inside; grades change no faster than the style's sight distances allow. */
#include <math.h>

#include "sim/world/build.h"

struct course {
    double straight[2], spiral[2], arc[2]; /* lengths, m */
    double speed;                          /* that the bank is made for, m/s */
    double crest;                          /* radius of crests and sags, m */
};
static const struct course courses[] = {
    [STYLE_URBAN] = {{150, 330}, {15, 30}, {20, 80}, 0, 1500},
    [STYLE_RURAL] = {{40, 250}, {35, 80}, {40, 180}, 22, 2500},
    [STYLE_MOTORWAY] = {{150, 600}, {90, 200}, {100, 450}, 33, 12000},
};

struct laying {
    struct build *b;
    struct roadway *r;
    const struct course *course;
    double heading, grade;
};

static void lay(struct laying *l, double length, double curvature1)
{
    double curvature0 = l->r->n_pieces ? l->r->piece[l->r->n_pieces - 1].curvature1 : curvature1;
    double most = l->b->plan->number[PLAN_GRADE], change = length / l->course->crest;
    double wish = random_range(&l->b->r, -most, most);
    double bank = -0.35 * curvature1 * l->course->speed * l->course->speed / 9.81;

    if (!l->r->n_pieces)
        wish = 0;
    l->grade += fmin(fmax(wish - l->grade, -change), change);
    bank = fmin(fmax(bank, -0.06), 0.06);
    if (road_append(l->r, length, curvature0, curvature1, l->grade, bank) != OK)
        l->b->full = true;
    l->heading += length * 0.5 * (curvature0 + curvature1);
}

static void curve(struct laying *l)
{
    struct random *r = &l->b->r;
    const struct course *c = l->course;
    double spiral = random_range(r, c->spiral[0], c->spiral[1]);
    double arc = random_range(r, c->arc[0], c->arc[1]);
    double radius = l->b->plan->number[PLAN_RADIUS] * random_range(r, 0.7, 1.5);
    double side = random_chance(r, 0.5) ? 1 : -1;

    if (fabs(l->heading) > 0.3)
        side = l->heading > 0 ? -1 : 1;
    double room = 1.2 - side * l->heading, turn = (spiral + arc) / radius;
    if (turn > room)
        radius = (spiral + arc) / room;
    lay(l, spiral, side / radius);
    lay(l, arc, side / radius);
    lay(l, spiral, 0);
}

void line_build(struct build *b, struct roadway *r, double length, double first_straight)
{
    struct laying l = {.b = b, .r = r, .course = &courses[b->w->style]};

    lay(&l, first_straight, 0);
    while (r->length < length && r->n_pieces + 4 <= ROAD_MAX_PIECES) {
        if (random_chance(&b->r, b->plan->number[PLAN_CURVES]))
            curve(&l);
        lay(&l, random_range(&b->r, l.course->straight[0], l.course->straight[1]), 0);
    }
    road_finish(r, 0, 0, 0, 0);
}
