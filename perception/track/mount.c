#include "perception/track/mount.h"

/* Means forget with these times. Pitch has a sample a picture, yaw one a leg. */
static const double PITCH_MEMORY_S = 3, YAW_MEMORY_M = 60;
static const double LEG_M = 15;

/* Samples that agree for so long before anything is said: seconds of pitch, metres of yaw. */
static const double PITCH_ENOUGH_S = 1, YAW_ENOUGH_M = 40;

/* Moved: farther than that and than so many sigma; good again below half of it. A braking car
 * nods by half a degree, and a lane's lines part and meet where it widens. */
static const double PITCH_MOVED_RAD = 0.0105, YAW_MOVED_RAD = 0.017, SIGMAS = 3;
static const double WIDTH_MIN_M = 2.2, WIDTH_MAX_M = 5.5;

/* Samples of neighbouring pictures err alike: that much stays, however many there are. */
static const double PITCH_FLOOR_RAD = 0.002, YAW_FLOOR_RAD = 0.003;

static const double SAMPLE_MAX_RAD = 0.15;

void mount_init(struct mount *m)
{
    *m = (struct mount){.status = MOUNT_UNKNOWN};
}

static void add(struct mount_mean *m, double x, double weight, double memory)
{
    if (!(fabs(x) < SAMPLE_MAX_RAD)) /* lines that are not those of our lane */
        return;
    double keep = exp(-weight / memory);

    m->weight = m->weight * keep + weight;
    double share = weight / m->weight, off = x - m->mean;
    m->mean += share * off;
    m->square = (1 - share) * (m->square + share * off * off);
}

/* Spread of the mean. A sample stands for the memory's tenth, as it errs with its neighbours. */
static double spread(const struct mount_mean *m, double memory, double floor)
{
    double independent = fmax(10 * m->weight / memory, 1);

    return hypot(sqrt(m->square / independent), floor);
}

static double slope_at_camera(const struct lane_cubic *k, double x_m)
{
    double u = x_m / CUBIC_SCALE_M;

    return (k->c[1] + u * (2 * k->c[2] + u * 3 * k->c[3])) / CUBIC_SCALE_M;
}

static void look_at_pitch(struct mount *m, const struct lane_cubic *left,
                          const struct lane_cubic *right, double x_m, double height_m, double dt_s)
{
    double width = lane_cubic_y(left, x_m) - lane_cubic_y(right, x_m);

    if (!(width > WIDTH_MIN_M && width < WIDTH_MAX_M))
        return;
    double parting = slope_at_camera(left, x_m) - slope_at_camera(right, x_m);
    add(&m->pitch, height_m * parting / width, dt_s, PITCH_MEMORY_S);
}

static void look_at_yaw(struct mount *m, struct mount_leg *leg, const struct mount_line *line,
                        double way_m)
{
    if (line->id == 0 || line->id != leg->id) {
        *leg = (struct mount_leg){.id = line->id};
        if (line->id != 0)
            leg->y0_m = lane_cubic_y(line->cubic, 0);
        return;
    }
    leg->way_m += way_m;
    leg->promised_m += way_m * slope_at_camera(line->cubic, 0);
    if (leg->way_m < LEG_M)
        return;
    double came = lane_cubic_y(line->cubic, 0) - leg->y0_m;
    /* a camera that points to the left sees all lines lean to the right */
    add(&m->yaw, (came - leg->promised_m) / leg->way_m, leg->way_m, YAW_MEMORY_M);
    leg->y0_m += came;
    leg->way_m = leg->promised_m = 0;
}

static bool is_off(const struct mount_mean *m, double limit, double memory, double floor)
{
    return fabs(m->mean) > limit && fabs(m->mean) > SIGMAS * spread(m, memory, floor);
}

static void judge(struct mount *m)
{
    double half = m->status == MOUNT_MOVED ? 0.5 : 1;
    bool yaw_known =
        m->yaw.weight >= YAW_ENOUGH_M; /* lines stayed the same for so long: real ones */
    bool pitch_known = yaw_known && m->pitch.weight >= PITCH_ENOUGH_S;
    bool pitch_off =
        pitch_known && is_off(&m->pitch, half * PITCH_MOVED_RAD, PITCH_MEMORY_S, PITCH_FLOOR_RAD);
    bool yaw_off = yaw_known && is_off(&m->yaw, half * YAW_MOVED_RAD, YAW_MEMORY_M, YAW_FLOOR_RAD);

    if (pitch_off || yaw_off)
        m->status = MOUNT_MOVED;
    else if (pitch_known)
        m->status = MOUNT_GOOD;
}

void mount_step(struct mount *m, const struct mount_line side[2], double camera_x_m,
                double height_m, double speed_mps, double dt_s)
{
    bool moving = speed_mps > 3; /* false for NAN */

    if (!(dt_s > 0))
        return;
    if (side[0].id != 0 && side[1].id != 0)
        look_at_pitch(m, side[0].cubic, side[1].cubic, camera_x_m, height_m, dt_s);
    for (int i = 0; i < 2; i++)
        look_at_yaw(m, &m->leg[i], &(struct mount_line){moving ? side[i].id : 0, side[i].cubic},
                    speed_mps * dt_s);
    judge(m);
}

struct mount_state mount_state_of(const struct mount *m)
{
    struct mount_state s = mount_unknown();

    s.status = m->status;
    if (m->pitch.weight >= PITCH_ENOUGH_S) {
        s.pitch_rad = (float)m->pitch.mean;
        s.pitch_sigma_rad = (float)spread(&m->pitch, PITCH_MEMORY_S, PITCH_FLOOR_RAD);
    }
    if (m->yaw.weight >= YAW_ENOUGH_M) {
        s.yaw_rad = (float)m->yaw.mean;
        s.yaw_sigma_rad = (float)spread(&m->yaw, YAW_MEMORY_M, YAW_FLOOR_RAD);
    }
    return s;
}
