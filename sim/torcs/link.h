/* What the plug-in inside TORCS and torcs.c say to each other over a socket pair, in the order of
 * the machine that both run on:
 *
 *   plug-in                          torcs.c
 *   struct torcs_hello          ->            once, when the race is about to begin
 *   struct torcs_frame, colour  ->            (height, width, 3) bytes, rows bottom up
 *   and depth                                 (height, width) floats, 0 near .. 1 far, bottom up
 *                               <-   struct torcs_order, and so on
 *
 * TORCS stands still between a frame and the order for the next one. Either side ends when the
 * other closes its end. */
#ifndef OUTRIDER_SIM_TORCS_LINK_H
#define OUTRIDER_SIM_TORCS_LINK_H

#include <stdint.h>

#define TORCS_FD "OUTRIDER_TORCS_FD"             /* the plug-in's end, in the environment */
#define TORCS_GRAPHICS "OUTRIDER_TORCS_GRAPHICS" /* path of the module it stands in front of */

enum {
    TORCS_MAGIC = 0x5452434f,
    TORCS_MAX_CARS = 10, /* as many drivers as one robot module has */
    TORCS_MAX_SEGMENTS = 96,
    TORCS_EGO = 0, /* index of the driver whose eyes we see through */
};

struct torcs_segment { /* of the track's middle line */
    float length;      /* m */
    float curvature;   /* 1/m, left > 0 */
};

struct torcs_hello {
    uint32_t magic;
    int32_t n_segments;
    float width;         /* of the road, m */
    float x, y, heading; /* where the first segment's middle begins, world */
    struct torcs_segment segment[TORCS_MAX_SEGMENTS];
};

struct torcs_car {
    int32_t driver;   /* index in the robot module */
    float pose[4][4]; /* rows: forward, left, up, place of the ground under the mass centre */
    float size[3];    /* length, width, height, m */
    float centre[3];  /* of the box's middle from the mass centre, car axes */
    float eye[3];     /* of the camera on the bonnet, in the axes of pose */
    float rear_axle, front_axle;        /* x in the axes of pose */
    float velocity[3], acceleration[3]; /* world */
    float yaw_rate, steer;              /* rad/s; front wheels, rad */
    float s, d; /* along the middle line from the start, and to its left, m */
    float lock; /* largest steering angle, rad */
};

struct torcs_frame {
    uint32_t magic;
    int32_t width, height, n_cars;
    double t; /* s since the start */
    struct torcs_car car[TORCS_MAX_CARS];
};

struct torcs_order {
    double dt;      /* to the next frame, s */
    int32_t driven; /* ego obeys the next two; otherwise it keeps its lane */
    float acceleration, steer;
};

#endif
