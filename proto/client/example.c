/* A small planner: keeps to the middle of our lane and a time gap to who is ahead, slows down
 * where it is told nothing that it may use, and says why it brakes. Start it, then
 * `outrider sim --lockstep --control tcp://127.0.0.1:5704` beside an outriderd.
 *
 *   example [-d DAEMON] [-s SIMULATOR] [-c CONTROL] [-n CAMERA] [-v SPEED] [-t]
 *
 * SPEED in m/s is kept where nobody is ahead (as it was at first); -t drives by the simulator's truth.
 * Across: curvature of the lane and a damped spring on what is known of the lane, each number of a message weighed by its
 * sigma (Rajamani, Vehicle Dynamics and Control, 2012, ch. 2).
 * Along: the Intelligent Driver Model (Treiber, Hennecke, Helbing, Phys. Rev. E 62, 2000). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/client/outrider_client.h"

static const double NOSE_M = 3.6, WHEELBASE_M = 2.7; /* of our car, from its rear axle */
static const double TIME_GAP_S = 1.8, STANDSTILL_M = 5, ACCELERATION = 1.5, COMFORT = 2,
                    HARDEST = 8;
static const double OUR_WAY_M = 1.6; /* to either side: half a car, half of who crosses, and air */
static const double ACROSS_MPS2 = 2, LANE_HOLD_S = 1, STILL_S = 0.5, LANE_SIGMA_M = 0.6,
                    VALID_S = 0.5;
static const double FIRM = 3, SLOW_MPS = 2; /* m/s2; over ground: it stands, or crosses */
/* What roads and we can do meanwhile: jerk that bends are built for, m/s3; noise of our heading and offset, per second. */
static const double BEND_JERK = 1, HEADING_NOISE = 1e-4, OFFSET_NOISE = 2.5e-3;
static const double OFFSET_DOUBT_M = 0.1, HEADING_DOUBT = 0.005,
                    CURVATURE_DOUBT = 1e-3; /* that frames share, beside their sigma */
enum {
    SEEN_OFTEN = 4,
    VAR_X = 0,
    VAR_VX = 11,
    VAR_VY = 15
}; /* of the covariance over x y vx vy ax ay */

enum { OFFSET, HEADING, CURVATURE, LANE_STATE }; /* of us in the lane, left > 0; of the lane */

struct lane { /* what is known of it: a Kalman filter */
    double s[LANE_STATE], p[LANE_STATE][LANE_STATE];
};

struct planner {
    double speed_wish;      /* NAN: as it is at first */
    double lane_s, blind_s; /* a lane was last usable; objects are not since */
    double then_s;          /* of the last plan */
    struct lane lane;
    uint64_t comes_id; /* who last came into our way, and when */
    double comes_s;
    bool braking;
    struct control control; /* what is being decided */
};

/* One of its numbers is heard. A sigma of 0, the truth's, takes over at once. */
static void hear(struct lane *l, int i, double seen, double sigma)
{
    double off = seen - l->s[i], variance = l->p[i][i] + sigma * sigma + 1e-12, gain[LANE_STATE];

    for (int k = 0; k < LANE_STATE; k++) {
        gain[k] = l->p[k][i] / variance;
        l->s[k] += gain[k] * off;
    }
    double row[LANE_STATE] = {l->p[i][OFFSET], l->p[i][HEADING], l->p[i][CURVATURE]};
    for (int k = 0; k < LANE_STATE; k++)
        for (int m = 0; m < LANE_STATE; m++)
            l->p[k][m] -= gain[k] * row[m];
}

static double doubted(double sigma, double doubt)
{
    return sigma > 0 ? hypot(sigma, doubt) : 0;
}

/* Brake at least that hard, and say why. */
static void brake(struct planner *p, double mps2, const char *why)
{
    if (-mps2 >= (double)p->control.acceleration_mps2)
        return;
    p->control.acceleration_mps2 = (float)-fmin(mps2, HARDEST);
    snprintf(p->control.reason, sizeof p->control.reason, "%s", why);
}

/* False: what the message says must not be used, why says so in words. */
static bool usable(const struct header *h, const char *what, const struct ego *now, char why[200])
{
    char reasons[REASONS_TEXT];

    reasons_text(h->reasons, reasons);
    snprintf(why, 200, "%s %s: %s", what, qualifier_name(h->qualifier), reasons);
    if (h->qualifier == QUALIFIER_NOT_AVAILABLE || h->qualifier == QUALIFIER_BLIND)
        return false;
    if (h->clock_id == now->clock_id && !outrider_is_stale(h, now->t_ns))
        return true;
    snprintf(why, 200, "%s too old: nothing new since %.2f s", what,
             1e-9 * (double)h->state_time_ns);
    return false;
}

static double off_our_way(const struct planner *p, double x, double y)
{
    return y - (-p->lane.s[OFFSET] - p->lane.s[HEADING] * x + 0.5 * p->lane.s[CURVATURE] * x * x);
}

/* How fast that grows: who follows the lane, or comes along it, does not move across. Its variance. */
static double across_our_way(const struct planner *p, const struct object *o, double *variance)
{
    double x = (double)o->x_m, vx = isnan(o->vx_mps) ? 0 : (double)o->vx_mps;
    double slope = p->lane.s[CURVATURE] * x - p->lane.s[HEADING];

    *variance = (double)o->covariance[VAR_VY] + slope * slope * (double)o->covariance[VAR_VX] +
                x * x * vx * vx * p->lane.p[CURVATURE][CURVATURE];
    return (double)o->vy_mps - slope * vx;
}

/* It is no flicker, moves towards our way, surely (two sigmas), and its predicted path meets it. Who did so a moment ago
 * needs less to be believed again. */
static bool comes_in_our_way(const struct planner *p, const struct object *o, double now_s)
{
    const double sure = o->id == p->comes_id && now_s - p->comes_s < STILL_S ? 0.5 : 2;
    double off = off_our_way(p, (double)o->x_m, (double)o->y_m), variance;
    double across = across_our_way(p, o, &variance);

    if ((o->covariance[VAR_VY] > 0 && o->hits < SEEN_OFTEN) || off * across > 0 ||
        !(fabs(across) > fmax(0.4, sure * sqrt(variance))))
        return false;
    for (int i = 0; i < o->n_path && o->path[i].x_m > 0; i++) /* from then on it is behind us */
        if (fabs(off_our_way(p, (double)o->path[i].x_m, (double)o->path[i].y_m)) < OUR_WAY_M)
            return true;
    return false;
}

/* The Intelligent Driver Model, to the near end of where it may be. At speed it wishes for long gaps at
 * once: behind who drives on, twice what is needed is enough. What is not known compares as false. */
static void follow(struct planner *p, const struct object *o, double v, double care, double free)
{
    double sigma = o->covariance[VAR_X] > 0 ? sqrt((double)o->covariance[VAR_X]) : 0;
    double gap = fmax((double)o->x_m - fmin(sigma, 0.1 * (double)o->x_m) - NOSE_M, 0.5);
    double closing = !isnan(o->vx_mps) ? -(double)o->vx_mps
                     : o->ttc_s > 0    ? (double)(o->x_m / o->ttc_s)
                                       : v;
    double wish = v * TIME_GAP_S * care + v * closing / (2 * sqrt(ACCELERATION * COMFORT));
    double takes = ACCELERATION * pow((STANDSTILL_M + fmax(wish, 0)) / gap, 2);
    double needed = closing > 0 ? closing * closing / 2 / fmax(gap - STANDSTILL_M / 2, 0.5) : 0;
    double most = v - closing > SLOW_MPS ? fmax(FIRM, 2 * needed) : HARDEST;
    char why[200];

    snprintf(why, sizeof why, "%s %" PRIu64 " (%s) %.1f m ahead, closing at %.1f m/s, ttc %.1f s",
             o->is_lead          ? "lead"
             : o->in_path > 0.5f ? "in our path"
                                 : "comes into our way",
             o->id, o->n_classes ? object_class_name(o->classes[0].class) : "?", gap, closing,
             (double)o->ttc_s);
    brake(p, fmin(takes - free, most), why);
}

/* We drive on in it for dt seconds. How we turn meanwhile says how it bends, too. */
static void move_on(struct lane *l, const struct ego *ego, double dt)
{
    double v = (double)ego->speed_mps, built = BEND_JERK / fmax(v * v, 1),
           moved[LANE_STATE][LANE_STATE];
    double turned = isnan(ego->yaw_rate_radps) ? v * l->s[CURVATURE] : (double)ego->yaw_rate_radps;
    double f[LANE_STATE][LANE_STATE] = {{1, v * dt, 0}, {0, 1, -v * dt}, {0, 0, 1}};

    l->s[OFFSET] += dt * v * l->s[HEADING];
    l->s[HEADING] += dt * (turned - v * l->s[CURVATURE]);
    for (int i = 0; i < LANE_STATE; i++)
        for (int j = 0; j < LANE_STATE; j++) {
            moved[i][j] = 0;
            for (int k = 0; k < LANE_STATE; k++)
                for (int m = 0; m < LANE_STATE; m++)
                    moved[i][j] += f[i][k] * l->p[k][m] * f[j][m];
        }
    memcpy(l->p, moved, sizeof moved);
    l->p[OFFSET][OFFSET] += dt * OFFSET_NOISE;
    l->p[HEADING][HEADING] += dt * HEADING_NOISE;
    l->p[CURVATURE][CURVATURE] += dt * built * built;
}

static void hear_lane(struct lane *l, const struct ego_lane *m)
{
    hear(l, OFFSET, (double)m->offset_m, doubted((double)m->offset_sigma_m, OFFSET_DOUBT_M));
    hear(l, HEADING, (double)m->heading_rad, doubted((double)m->heading_sigma_rad, HEADING_DOUBT));
    if (!isnan(m->curvature_1pm))
        hear(l, CURVATURE, (double)m->curvature_1pm,
             doubted((double)m->curvature_sigma_1pm, CURVATURE_DOUBT));
}

static void plan_across(struct planner *p, const struct lanes_message *m, const struct ego *ego)
{
    const struct ego_lane *l = &m->ego_lane;
    double now_s = 1e-9 * (double)ego->t_ns, v = fmax((double)ego->speed_mps, 3);
    char why[200];
    bool told = usable(&m->header, "lanes", ego, why);

    move_on(&p->lane, ego, fmin(fmax(now_s - p->then_s, 0), LANE_HOLD_S));
    p->then_s = now_s;
    if (told && l->offset_sigma_m < LANE_SIGMA_M && !isnan(l->offset_m) && !isnan(l->heading_rad)) {
        if (now_s - p->lane_s > LANE_HOLD_S) /* another one, perhaps */
            p->lane = (struct lane){.p = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
        p->lane_s = now_s;
        hear_lane(&p->lane, l);
    }
    double a = 0.7 / v, b = 2 * 0.9 * a; /* 1/m; of the spring */
    double k = p->lane.s[CURVATURE];
    if (now_s - p->lane_s <= LANE_HOLD_S)
        k -= a * a * p->lane.s[OFFSET] + b * p->lane.s[HEADING];
    else
        brake(p, 2, told ? "no lane to follow" : why);
    p->control.steering_angle_rad = (float)fmin(fmax(atan(WHEELBASE_M * k), -0.5), 0.5);
}

static void plan_along(struct planner *p, const struct objects_message *m, const struct ego *ego)
{
    double now_s = 1e-9 * (double)ego->t_ns, v = (double)ego->speed_mps;
    double in_bend = sqrt(ACROSS_MPS2 / fmax(fabs(p->lane.s[CURVATURE]), 1e-4));
    double wish = fmax(fmin(p->speed_wish, in_bend), 1),
           free = ACCELERATION * (1 - pow(v / wish, 4));
    double care = m->header.qualifier == QUALIFIER_AVAILABLE_REDUCED ? 1.5 : 1;
    char why[200];

    snprintf(why, sizeof why, "faster than %.1f m/s", wish);
    brake(p, fmin(-free, 3), why); /* or speeds up */
    if (!usable(&m->header, "objects", ego, why)) {
        p->blind_s = fmin(p->blind_s, now_s);
        brake(p, now_s - p->blind_s < 1 ? 1 : 3, why);
        return;
    }
    p->blind_s = INFINITY;
    for (int i = 0; i < m->n_objects; i++) {
        const struct object *o = &m->object[i];

        const bool comes = comes_in_our_way(p, o, now_s);

        if (comes) {
            p->comes_id = o->id;
            p->comes_s = now_s;
        }
        if ((double)o->x_m > NOSE_M && (comes || o->is_lead || o->in_path > 0.5f))
            follow(p, o, v, care, fmax(free, -1));
    }
}

/* One line whenever it begins or ends to brake. */
static void say(struct planner *p)
{
    const double a = (double)p->control.acceleration_mps2, t = 1e-9 * (double)p->control.t_ns;

    if (!p->braking && a < -0.5)
        printf("%.2f s: brakes with %.1f m/s2: %s\n", t, -a, p->control.reason);
    else if (p->braking && a > -0.2)
        printf("%.2f s: no longer brakes\n", t);
    p->braking = p->braking ? a <= -0.2 : a < -0.5;
    fflush(stdout);
}

static void plan(struct planner *p, const struct objects_message *o, const struct lanes_message *l,
                 const struct ego *ego)
{
    if (isnan(p->speed_wish))
        p->speed_wish = fmax((double)ego->speed_mps, 5);
    p->control = (struct control){.t_ns = ego->t_ns,
                                  .valid_until_ns = ego->t_ns + (int64_t)(VALID_S * 1e9),
                                  .clock_id = ego->clock_id,
                                  .clock_epoch = ego->clock_epoch,
                                  .has_frame = o->header.has_frame,
                                  .frame_id = o->header.frame_id,
                                  .acceleration_mps2 = (float)ACCELERATION};
    plan_across(p, l, ego);
    plan_along(p, o, ego);
    if (p->control.acceleration_mps2 >= 0)
        p->control.reason[0] = 0;
    say(p);
}

static enum err run(const char *daemon, const char *simulator, const char *control,
                    const char *camera, bool truth, struct planner *p, struct why *why)
{
    enum err (*subscribe)(struct outrider_client *, enum topic, const char *, struct why *) =
        truth ? outrider_client_subscribe_truth : outrider_client_subscribe;
    struct outrider_publisher *commands;
    struct outrider_client *c;
    uint64_t seq = UINT64_MAX; /* of what was answered last */
    enum err e;

    if ((e = outrider_publisher_open(control, &commands, why)) != OK ||
        (e = outrider_publisher_wait(commands, -1, why)) != OK || /* until it is heard there */
        (e = outrider_client_open(simulator, &c, why)) != OK ||
        (e = truth ? OK : outrider_client_connect(c, daemon, why)) != OK ||
        (e = subscribe(c, TOPIC_OBJECTS, camera, why)) != OK ||
        (e = subscribe(c, TOPIC_LANES, camera, why)) != OK ||
        (e = outrider_client_subscribe_truth(c, TOPIC_EGO, "car", why)) != OK)
        return e;
    for (;;) {
        e = outrider_client_wait(c, 500, why);
        const struct objects_message *o = outrider_client_objects(c, camera);
        const struct lanes_message *l = outrider_client_lanes(c, camera);
        const struct ego *ego = outrider_client_ego(c, "car");

        if (e != OK && e != ERR_AGAIN) /* nothing for a while: the car brakes by itself */
            fprintf(stderr, "example: %s\n", why->text);
        if (!o || !l || !ego || isnan(ego->speed_mps) || o->header.seq != l->header.seq)
            continue; /* the rest is on its way */
        bool old = ego->clock_id == o->header.clock_id && outrider_is_stale(&o->header, ego->t_ns);
        if (o->header.has_frame &&
            (ego->t_ns < o->header.t_sof_ns || (o->header.seq == seq && !old)))
            continue;
        seq = o->header.seq;
        plan(p, o, l, ego);
        if (outrider_publisher_control(commands, "car", &p->control, why) != OK)
            fprintf(stderr, "example: %s\n", why->text);
    }
}

int main(int argc, char **argv)
{
    const char *daemon = "tcp://127.0.0.1:5702", *simulator = "tcp://127.0.0.1:5703";
    const char *control = "tcp://127.0.0.1:5704", *camera = "front";
    struct planner p = {.speed_wish = NAN, .lane_s = -INFINITY, .blind_s = INFINITY};
    bool truth = false;
    struct why why = {""};

    for (int c; (c = getopt(argc, argv, "d:s:c:n:v:t")) != -1;)
        switch (c) {
        case 'd':
            daemon = optarg;
            break;
        case 's':
            simulator = optarg;
            break;
        case 'c':
            control = optarg;
            break;
        case 'n':
            camera = optarg;
            break;
        case 'v':
            p.speed_wish = strtod(optarg, NULL);
            break;
        case 't':
            truth = true;
            break;
        default:
            return 2;
        }
    (void)!run(daemon, simulator, control, camera, truth, &p, &why);
    fprintf(stderr, "example: %s\n", why.text);
    return 1;
}
