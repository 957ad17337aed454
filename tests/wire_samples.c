#include "tests/wire_samples.h"

#include <stdio.h>
#include <string.h>

void sample_header(struct header *h)
{
    header_clear(h);
    for (int i = 0; i < 16; i++)
        h->run_uuid[i] = (uint8_t)(0xa0 + i);
    snprintf(h->model_id, sizeof h->model_id, "vehicle-detection@1f2e");
    snprintf(h->config_id, sizeof h->config_id, "c0ffee");
    snprintf(h->calibration_id, sizeof h->calibration_id, "ca11b");
    h->seq = 42;
    snprintf(h->camera, sizeof h->camera, "front");
    h->has_frame = true;
    h->frame_id = 1001;
    h->t_sof_ns = 5000000000;
    h->t_eof_ns = 5010000000;
    h->t_recv_ns = 77000000000;
    h->t_infer_begin_ns = 77001000000;
    h->t_infer_end_ns = 77009000000;
    h->t_publish_ns = 77010000000;
    h->clock_id = CLOCK_ID_SIM;
    h->clock_epoch = 3;
    h->state_time_ns = 5005000000;
    h->expected_period_ns = 50000000;
    h->valid_until_ns = 5155000000;
    h->qualifier = QUALIFIER_AVAILABLE_REDUCED;
    h->reasons = 1u << REASON_DARK | 1u << REASON_UNCALIBRATED | 1u << REASON_UNDECODABLE;
    h->degrade_level = 1;
    for (int i = 0; i < DROP_UNKNOWN_CAMERA; i++)
        h->drops.count[i] = (uint64_t)(10 + i);
    h->coverage = (struct coverage){80, 0.5f, -0.5f};
    h->ego = (struct ego_motion){12.5f, -0.02f, 0.3f, 0.002f, EGO_SEEN};
}

void sample_frame(struct frame_header *h)
{
    *h = (struct frame_header){
        .schema_major = SCHEMA_MAJOR,
        .schema_minor = SCHEMA_MINOR,
        .frame_id = 7,
        .t_sof_ns = 1000000000,
        .t_eof_ns = 1005000000,
        .clock_id = CLOCK_ID_MONOTONIC,
        .clock_epoch = 2,
        .encoding = ENCODING_RGB8,
        .width = 640,
        .height = 4,
        .stride_bytes = 1984,
        .last = true,
    };
}

void sample_ego(struct ego *e)
{
    *e = (struct ego){
        .t_ns = 123456789,
        .clock_id = CLOCK_ID_TAI,
        .clock_epoch = 1,
        .speed_mps = 13.9f,
        .speed_sigma_mps = 0.1f,
        .yaw_rate_radps = -0.05f,
        .yaw_rate_sigma_radps = 0.01f,
        .acceleration_mps2 = -1.5f,
        .steering_angle_rad = 0.02f,
    };
}

void sample_control(struct control *c)
{
    *c = (struct control){
        .t_ns = 123456789,
        .valid_until_ns = 323456789,
        .clock_id = CLOCK_ID_SIM,
        .clock_epoch = 3,
        .has_frame = true,
        .frame_id = 7,
        .acceleration_mps2 = -2.5f,
        .steering_angle_rad = 0.01f,
        .reason = "lead 4: 17.2 m, closing at 3.1 m/s",
    };
}

void sample_calibration(struct calibration_message *c)
{
    memset(c, 0, sizeof *c);
    c->has_header = true;
    sample_header(&c->header);
    c->camera = (struct camera){
        .width = 1242,
        .height = 375,
        .model = CAMERA_PINHOLE,
        .fx = 721.5377f,
        .fy = 721.5377f,
        .cx = 609.5593f,
        .cy = 172.854f,
        .distortion = {0.1f, -0.2f, 0.001f, 0.002f, 0.03f, 0.04f, 0.05f, 0.06f},
        .x_m = 1.7f,
        .y_m = 0.06f,
        .z_m = 1.65f,
        .roll_rad = 0.01f,
        .pitch_rad = 0.02f,
        .yaw_rad = -0.03f,
        .sigma_pitch_rad = 0.004f,
        .sigma_z_m = 0.02f,
    };
    c->source = CALIBRATION_CONFIG;
    c->mount = (struct mount_state){MOUNT_MOVED, 0.017f, 0.002f, -0.01f, 0.003f};
}

static void sample_object(struct object *o, int i)
{
    float f = (float)i;

    object_clear(o);
    o->id = (uint64_t)(100 + i);
    o->existence = 0.9f;
    o->detection_score = 0.8f;
    o->age_ns = 1000000000 + i;
    o->hits = 20;
    o->measurement = MEASUREMENT_MEASURED;
    o->n_classes = 2;
    o->classes[0].class = OBJECT_CAR;
    o->classes[0].probability = 0.75f;
    o->classes[1].class = OBJECT_TRUCK;
    o->classes[1].probability = 0.25f;
    o->occlusion = 0.125f;
    o->truncation = 0;
    o->box_px = (struct box){100 + f, 120, 180.5f + f, 200};
    for (int k = 0; k < 4; k++)
        o->box_sigma_px[k] = 1.5f + (float)k;
    o->reference = REFERENCE_NEAR_FACE;
    o->x_m = 20 + f;
    o->y_m = -1.25f;
    o->z_m = 0;
    o->vx_mps = -2;
    o->ground_vx_mps = 10.5f;
    o->ground_vy_mps = 0.25f;
    o->ground_vx_sigma_mps = 0.4f;
    o->ground_vy_sigma_mps = 0.2f;
    o->vy_mps = 0.25f;
    o->ax_mps2 = -0.5f;
    o->ay_mps2 = 0;
    for (int k = 0; k < STATE_COV; k++)
        o->covariance[k] = 0.5f + (float)k;
    o->velocity_reference = VELOCITY_OVER_GROUND;
    o->yaw_rad = 0.1f;
    o->yaw_sigma_rad = 0.05f;
    o->length_m = 4.4f;
    o->width_m = 1.8f;
    o->height_m = 1.5f;
    o->length_sigma_m = 0.4f;
    o->width_sigma_m = 0.2f;
    o->height_sigma_m = 0.1f;
    o->dimension_source = DIMENSION_PRIOR;
    o->ttc_s = 9.5f;
    o->ttc_sigma_s = 1;
    o->ttc_method = TTC_SCALE;
    o->in_path = 0.97f;
    o->has_lane = true;
    o->lane = -1;
    o->is_lead = i == 0;
    o->n_path = SCENE_PATH_POINTS;
    for (int k = 0; k < SCENE_PATH_POINTS; k++)
        o->path[k] = (struct path_point){0.5f * (float)(k + 1), 20 + f, -1, 0.5f, 0.25f};
    o->ground_truth_id = (uint64_t)(900 + i);
}

void sample_objects(struct objects_message *m, int n)
{
    memset(m, 0, sizeof *m);
    sample_header(&m->header);
    m->n_objects = n;
    for (int i = 0; i < n; i++)
        sample_object(&m->object[i], i);
}

static void sample_boundary(struct lane_boundary *l, int i)
{
    lane_boundary_clear(l);
    l->id = (uint64_t)(i + 1);
    l->role = (int[]){2, 1, -1, -2}[i % 4];
    l->kind = LANE_LINE;
    l->existence = 0.875f;
    l->age_ns = 2000000000;
    l->measurement = MEASUREMENT_PREDICTED;
    l->n_types = l->n_colors = SCENE_MAX_CANDIDATES;
    for (int k = 0; k < SCENE_MAX_CANDIDATES; k++) {
        l->types[k].type = (enum lane_type)(LANE_TYPE_SOLID + k);
        l->types[k].probability = 0.5f;
        l->colors[k].color = (enum lane_color)(LANE_COLOR_WHITE + k);
        l->colors[k].probability = 0.25f;
    }
    l->has_metres = true;
    for (int k = 0; k < SCENE_STATIONS; k++) /* unknown from 50 m on */
        l->station[k] = k < 22 ? (struct lane_station){1.75f + (float)i, 0, 0.05f * (float)k, 0.5f}
                               : (struct lane_station){NAN, NAN, NAN, NAN};
    for (int k = 0; k < 4; k++)
        l->cubic[k] = 1.75f / (float)(1 + 20 * k);
    for (int k = 0; k < 10; k++)
        l->cubic_covariance[k] = 0.01f / (float)(1 + k);
    l->x_min_m = 4;
    l->x_max_m = 47.5f;
    l->n_pixels = SCENE_MAX_LANE_PIXELS;
    for (int k = 0; k < l->n_pixels; k++) {
        l->pixel[k].x = 100 + 2.5f * (float)k;
        l->pixel[k].y = 374.5f - (float)k;
        l->pixel[k].sigma_x = k % 2 ? 1.5f : NAN;
    }
}

void sample_lanes(struct lanes_message *m, int n)
{
    memset(m, 0, sizeof *m);
    sample_header(&m->header);
    m->n_lanes = n;
    for (int i = 0; i < n; i++)
        sample_boundary(&m->lane[i], i);
    m->ego_lane = (struct ego_lane){0.25f, 0.05f, 0.01f, 0.005f, 0.001f, 0.0005f, 3.7f, 0.1f, 6, 2};
    m->road.width = SCENE_ROAD_WIDTH;
    m->road.height = SCENE_ROAD_HEIGHT;
    for (int i = 0; i < SCENE_ROAD_WIDTH * SCENE_ROAD_HEIGHT; i++)
        m->road.probability[i] = (uint8_t)i;
}

void sample_status(struct status_message *s, int n)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < 16; i++)
        s->run_uuid[i] = (uint8_t)(0xa0 + i);
    s->seq = 9;
    s->t_publish_ns = 88000000000;
    s->state = STATE_RUNNING;
    s->mode = MODE_LOCKSTEP;
    snprintf(s->version, sizeof s->version, "0.1.0");
    snprintf(s->model_id, sizeof s->model_id, "vehicle-detection@1f2e lstr@77aa");
    snprintf(s->config_id, sizeof s->config_id, "c0ffee");
    snprintf(s->cpu_level, sizeof s->cpu_level, "avx2");
    s->uptime_ns = 60000000000;
    s->messages_malformed = 4;
    s->messages_unknown_topic = 2;
    s->n_cameras = n;
    for (int i = 0; i < n; i++) {
        struct camera_status *c = &s->camera[i];

        snprintf(c->camera, sizeof c->camera, "camera.%d", i);
        c->qualifier = QUALIFIER_AVAILABLE;
        c->reasons = 1u << REASON_WARMUP;
        c->frames_received = 1200;
        c->frames_answered = 1190;
        for (int k = 0; k < DROP_COUNT; k++)
            c->drops.count[k] = (uint64_t)(k + i);
        c->frame_rate_hz = 19.98f;
        c->latency_p50_ms = 14.5f;
        c->latency_p99_ms = 22.25f;
        c->decode_ms = 1.5f;
        c->infer_ms = 11.75f;
        snprintf(c->last_error, sizeof c->last_error, "frame header: width is 9000, limit 1..8192");
    }
}
