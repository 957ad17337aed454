#include "perception/scene.h"

#include <string.h>

/* To 20 m every 2 m, to 50 m every 2.5 m, to 100 m every 5 m. */
const float SCENE_STATION_M[SCENE_STATIONS] = {
    0,    2,  4,    6,  8,    10, 12, 14, 16, 18, 20, 22.5, 25, 27.5, 30, 32.5, 35,
    37.5, 40, 42.5, 45, 47.5, 50, 55, 60, 65, 70, 75, 80,   85, 90,   95, 100,
};

const char *object_class_name(enum object_class c)
{
    static const char *const name[OBJECT_CLASS_COUNT] = {
        [OBJECT_CAR] = "car",
        [OBJECT_TRUCK] = "truck",
        [OBJECT_BUS] = "bus",
        [OBJECT_PERSON] = "person",
        [OBJECT_CYCLIST] = "cyclist",
        [OBJECT_MOTORCYCLE] = "motorcycle",
        [OBJECT_TRAFFIC_LIGHT] = "traffic_light",
        [OBJECT_TRAFFIC_SIGN] = "traffic_sign",
        [OBJECT_SIGN_OR_LIGHT] = "sign_or_light",
        [OBJECT_BICYCLE] = "bicycle",
        [OBJECT_VEHICLE] = "vehicle",
    };

    return (unsigned)c < OBJECT_CLASS_COUNT ? name[c] : "?";
}

static void fill_nan(float *f, int n)
{
    for (int i = 0; i < n; i++)
        f[i] = NAN;
}

void object_clear(struct object *o)
{
    *o = (struct object){
        .existence = NAN,
        .detection_score = NAN,
        .occlusion = NAN,
        .truncation = NAN,
        .x_m = NAN,
        .y_m = NAN,
        .z_m = NAN,
        .vx_mps = NAN,
        .vy_mps = NAN,
        .ax_mps2 = NAN,
        .ay_mps2 = NAN,
        .ground_vx_mps = NAN,
        .ground_vy_mps = NAN,
        .ground_vx_sigma_mps = NAN,
        .ground_vy_sigma_mps = NAN,
        .yaw_rad = NAN,
        .yaw_sigma_rad = NAN,
        .length_m = NAN,
        .width_m = NAN,
        .height_m = NAN,
        .length_sigma_m = NAN,
        .width_sigma_m = NAN,
        .height_sigma_m = NAN,
        .ttc_s = NAN,
        .ttc_sigma_s = NAN,
        .in_path = NAN,
    };
    fill_nan(o->box_sigma_px, 4);
    fill_nan(o->covariance, STATE_COV);
}

void lane_boundary_clear(struct lane_boundary *l)
{
    *l = (struct lane_boundary){.existence = NAN, .x_min_m = NAN, .x_max_m = NAN};
    fill_nan(l->cubic, 4);
    fill_nan(l->cubic_covariance, 10);
    for (int i = 0; i < SCENE_STATIONS; i++)
        l->station[i] = (struct lane_station){NAN, NAN, NAN, NAN};
}

void scene_clear(struct scene *s)
{
    s->state_time_ns = 0;
    s->qualifier_objects = s->qualifier_lanes = QUALIFIER_NOT_AVAILABLE;
    s->reasons_objects = s->reasons_lanes = 0;
    s->coverage = (struct coverage){NAN, NAN, NAN};
    s->ego = ego_unknown();
    s->n_objects = s->n_lanes = 0;
    s->ego_lane = (struct ego_lane){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    s->road.width = s->road.height = 0;
}
