/* outrider echo: what is said on the bus, for people, or as one JSON object per line. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zmq.h>

#include "daemon/cli/cli.h"
#include "proto/common.pb-c.h"
#include "proto/json.h"
#include "proto/status.pb-c.h"
#include "proto/wire.h"

enum { MAX_TOPICS = 32, SHOWN_OBJECTS = 5 };

struct echo {
    const char *endpoint;
    const char *topic[MAX_TOPICS];
    int n_topics;
    bool json;
    long count;       /* 0: no end */
    double timeout_s; /* 0: no end */
    struct wire *wire;
    void *context, *socket;
    uint64_t printed, unreadable;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* ---- one message as text ---- */

static const char *enum_name(const ProtobufCEnumDescriptor *d, int v)
{
    const ProtobufCEnumValue *e = protobuf_c_enum_descriptor_get_value(d, v);

    return e ? e->name : "?";
}

static void print_topic(struct bytes topic) /* parsed: letters, digits, _ . - / */
{
    printf("%.*s", (int)topic.size, (const char *)topic.data);
}

static void print_number(const char *before, float v, const char *after)
{
    if (isnan(v))
        printf("%s?%s", before, after);
    else
        printf("%s%.2f%s", before, (double)v, after);
}

static void print_measured(const char *before, float v, float sigma, const char *after)
{
    char spread[32] = "";

    if (!isnan(v) && !isnan(sigma))
        snprintf(spread, sizeof spread, " ±%.2g", (double)sigma);
    print_number(before, v, spread);
    printf("%s", after);
}

static void print_state(enum qualifier qualifier, uint32_t reasons)
{
    char before = ' ';

    printf("  %s", enum_name(&outrider__qualifier__descriptor, qualifier));
    for (int i = 1; i < REASON_COUNT; i++)
        if (reasons & 1u << i) {
            printf("%c%s", before, enum_name(&outrider__reason__descriptor, i));
            before = ',';
        }
}

static void print_time(const char *before, int64_t ns)
{
    if (ns != TIME_UNKNOWN)
        printf("%s%.3f s", before, (double)ns * 1e-9);
}

static void print_header(const struct header *h)
{
    printf("  #%" PRIu64, h->seq);
    if (h->has_frame)
        printf(" frame %" PRIu64, h->frame_id);
    print_time(" at ", h->state_time_ns);
    print_state(h->qualifier, h->reasons);
}

static void print_object(const struct object *o)
{
    printf("    %-5" PRIu64 " %-13s", o->id,
           o->n_classes ? object_class_name(o->classes[0].class) : "?");
    if (isnan(o->x_m)) {
        printf(" box %.0f %.0f %.0f %.0f px", (double)o->box_px.x1, (double)o->box_px.y1,
               (double)o->box_px.x2, (double)o->box_px.y2);
    } else {
        /* the variances of x, y and vx lie on the diagonal of the upper triangle */
        print_measured(" x ", o->x_m, sqrtf(o->covariance[0]), " m");
        print_measured(" y ", o->y_m, sqrtf(o->covariance[6]), " m");
        print_measured(" v ", o->vx_mps, sqrtf(o->covariance[11]), " m/s");
    }
    if (!isnan(o->ttc_s))
        print_measured(" ttc ", o->ttc_s, o->ttc_sigma_s, " s");
    printf("%s%s\n", o->is_lead ? " lead" : "",
           o->measurement == MEASUREMENT_PREDICTED ? " predicted" : "");
}

static enum err text_objects(struct wire *w, struct bytes topic, struct bytes body, struct why *why)
{
    static struct objects_message m;
    enum err e = wire_objects_unpack(w, body, &m, why);

    if (e != OK)
        return e;
    print_topic(topic);
    print_header(&m.header);
    printf("  %d objects\n", m.n_objects);
    for (int i = 0; i < m.n_objects && i < SHOWN_OBJECTS; i++)
        print_object(&m.object[i]);
    if (m.n_objects > SHOWN_OBJECTS)
        printf("    and %d farther away\n", m.n_objects - SHOWN_OBJECTS);
    return OK;
}

static enum err text_lanes(struct wire *w, struct bytes topic, struct bytes body, struct why *why)
{
    static struct lanes_message m;
    enum err e = wire_lanes_unpack(w, body, &m, why);

    if (e != OK)
        return e;
    print_topic(topic);
    print_header(&m.header);
    printf("  %d boundaries", m.n_lanes);
    for (int i = 0; i < m.n_lanes; i++) {
        printf("%s ", i ? "," : ":");
        if (m.lane[i].role)
            printf("%+d", m.lane[i].role);
        else
            printf("outer");
        if (m.lane[i].has_metres)
            print_number(" y ", m.lane[i].cubic[0], " m");
    }
    printf("\n");
    if (!isnan(m.ego_lane.offset_m)) {
        const struct ego_lane *l = &m.ego_lane;

        print_measured("    ego lane: offset ", l->offset_m, l->offset_sigma_m, " m");
        print_measured(" heading ", l->heading_rad, l->heading_sigma_rad, " rad");
        print_measured(" width ", l->width_m, l->width_sigma_m, " m\n");
    }
    return OK;
}

static enum err text_calibration(struct wire *w, struct bytes topic, struct bytes body,
                                 struct why *why)
{
    static struct calibration_message m;
    const struct camera *c = &m.camera;
    enum err e = wire_calibration_unpack(w, body, &m, why);

    if (e != OK)
        return e;
    print_topic(topic);
    if (c->width == 0)
        printf("  none\n");
    else
        printf("  %d x %d px, f %.1f %.1f c %.1f %.1f px, at %.2f %.2f %.2f m, roll %.4f pitch "
               "%.4f yaw %.4f rad\n",
               c->width, c->height, (double)c->fx, (double)c->fy, (double)c->cx, (double)c->cy,
               (double)c->x_m, (double)c->y_m, (double)c->z_m, (double)c->roll_rad,
               (double)c->pitch_rad, (double)c->yaw_rad);
    if (m.mount.status != MOUNT_UNKNOWN) {
        printf("  mount %s:", m.mount.status == MOUNT_MOVED ? "MOVED" : "good");
        print_measured(" pitch off by ", m.mount.pitch_rad, m.mount.pitch_sigma_rad, " rad");
        print_measured(", yaw off by ", m.mount.yaw_rad, m.mount.yaw_sigma_rad, " rad");
        printf("\n");
    }
    return OK;
}

static void print_camera_status(const struct camera_status *c)
{
    uint64_t dropped = 0;

    for (int i = 0; i < DROP_COUNT; i++)
        dropped += c->drops.count[i];
    printf("    %-12s", c->camera);
    print_state(c->qualifier, c->reasons);
    printf("  %" PRIu64 " received %" PRIu64 " answered %" PRIu64 " dropped", c->frames_received,
           c->frames_answered, dropped);
    print_number("  ", c->frame_rate_hz, " Hz");
    print_number(" p50 ", c->latency_p50_ms, " ms");
    print_number(" p99 ", c->latency_p99_ms, " ms");
    printf("%s%s\n", c->last_error[0] ? "  last error: " : "", c->last_error);
}

static enum err text_status(struct wire *w, struct bytes topic, struct bytes body, struct why *why)
{
    static struct status_message m;
    enum err e = wire_status_unpack(w, body, &m, why);

    if (e != OK)
        return e;
    print_topic(topic);
    printf("  #%" PRIu64 " %s %s %s", m.seq, m.version,
           enum_name(&outrider__daemon_state__descriptor, m.state),
           enum_name(&outrider__mode__descriptor, m.mode));
    print_time(" up ", m.uptime_ns);
    printf("  %" PRIu64 " malformed\n", m.messages_malformed);
    for (int i = 0; i < m.n_cameras; i++)
        print_camera_status(&m.camera[i]);
    return OK;
}

static enum err text_ego(struct wire *w, struct bytes topic, struct bytes body, struct why *why)
{
    struct ego m;
    enum err e = wire_ego_unpack(w, body, &m, why);

    if (e != OK)
        return e;
    print_topic(topic);
    print_time("  at ", m.t_ns);
    print_number("  speed ", m.speed_mps, " m/s");
    print_number(" yaw rate ", m.yaw_rate_radps, " rad/s\n");
    return OK;
}

static enum err text_control(struct wire *w, struct bytes topic, struct bytes body, struct why *why)
{
    struct control m;
    enum err e = wire_control_unpack(w, body, &m, why);

    if (e != OK)
        return e;
    print_topic(topic);
    print_time("  at ", m.t_ns);
    print_number("  acceleration ", m.acceleration_mps2, " m/s2");
    print_number(" steering ", m.steering_angle_rad, " rad");
    printf("%s%s\n", m.reason[0] ? "  braking: " : "", m.reason);
    return OK;
}

static enum err text_frame(struct wire *w, struct bytes topic, struct bytes body,
                           size_t pixel_bytes, struct why *why)
{
    struct frame_header m;
    enum err e = wire_frame_header_unpack(w, body, pixel_bytes, &m, why);

    if (e != OK)
        return e;
    print_topic(topic);
    printf("  frame %" PRIu64, m.frame_id);
    print_time(" at ", m.t_sof_ns);
    printf("  %s %d x %d px, %zu bytes%s\n", encoding_name(m.encoding), m.width, m.height,
           pixel_bytes, m.last ? ", last" : "");
    return OK;
}

/* ---- the stream ---- */

enum { PARTS = 3 };

static enum err print_text(struct echo *x, enum topic t, const struct bytes part[PARTS],
                           struct why *why)
{
    switch (t) {
    case TOPIC_OBJECTS:
        return text_objects(x->wire, part[0], part[1], why);
    case TOPIC_LANES:
        return text_lanes(x->wire, part[0], part[1], why);
    case TOPIC_CALIBRATION:
        return text_calibration(x->wire, part[0], part[1], why);
    case TOPIC_STATUS:
        return text_status(x->wire, part[0], part[1], why);
    case TOPIC_CONTROL:
        return text_control(x->wire, part[0], part[1], why);
    case TOPIC_EGO:
        return text_ego(x->wire, part[0], part[1], why);
    default:
        return text_frame(x->wire, part[0], part[1], part[2].size, why);
    }
}

/* "objects" asks for all cameras, "objects/front" for that one only. */
static bool asked_for(const struct echo *x, struct bytes topic)
{
    for (int i = 0; i < x->n_topics; i++) {
        size_t n = strlen(x->topic[i]);

        if (topic.size >= n && !memcmp(topic.data, x->topic[i], n) &&
            (topic.size == n || topic.data[n] == '/'))
            return true;
    }
    return x->n_topics == 0;
}

static void print_message(struct echo *x, const struct bytes part[PARTS], int n)
{
    char name[MESSAGE_MAX_NAME];
    struct why why = {""};
    enum topic t = topic_parse(topic_without_truth(part[0]), name);
    int expected = t == TOPIC_FRAME ? 3 : 2;
    enum err e;

    if (!asked_for(x, part[0]))
        return;
    if (t == TOPIC_UNKNOWN)
        e = err_say(&why, ERR_UNSUPPORTED, "a topic of %zu bytes is none of ours", part[0].size);
    else if (n != expected)
        e = err_say(&why, ERR_FORMAT, "%s has %d parts, must have %d",
                    t == TOPIC_STATUS ? "status" : name, n, expected);
    else if (x->json)
        e = json_message(x->wire, part[0], part[1], JSON_LINE, stdout, &why);
    else
        e = print_text(x, t, part, &why);
    if (e == OK) {
        x->printed++;
        if (x->json)
            putchar('\n');
    } else {
        x->unreadable++;
        fprintf(stderr, "outrider echo: unreadable message: %s\n", why.text);
    }
    fflush(stdout);
}

/* ERR_AGAIN: interrupted, or there is none. */
static enum err take(struct echo *x)
{
    zmq_msg_t m[PARTS + 1]; /* the last one for all that is too much */
    struct bytes part[PARTS] = {{NULL, 0}};
    int n = 0, more = 1;
    enum err e = OK;

    for (int i = 0; i <= PARTS; i++)
        zmq_msg_init(&m[i]);
    for (; more && e == OK; n++) {
        zmq_msg_t *to = &m[n < PARTS ? n : PARTS];

        if (zmq_msg_recv(to, x->socket, ZMQ_DONTWAIT) < 0)
            e = zmq_errno() == EAGAIN || zmq_errno() == EINTR ? ERR_AGAIN : ERR_IO;
        else
            more = zmq_msg_more(to);
    }
    for (int i = 0; i < PARTS; i++)
        part[i] = (struct bytes){zmq_msg_data(&m[i]), zmq_msg_size(&m[i])};
    if (e == OK)
        print_message(x, part, n);
    for (int i = 0; i <= PARTS; i++)
        zmq_msg_close(&m[i]);
    return e;
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int listen_until_done(struct echo *x)
{
    double heard = now_s();

    while (!stop && (x->count == 0 || x->printed < (uint64_t)x->count)) {
        zmq_pollitem_t item = {x->socket, 0, ZMQ_POLLIN, 0};
        double left = x->timeout_s > 0 ? heard + x->timeout_s - now_s() : 1;

        if (left <= 0) {
            fprintf(stderr, "outrider echo: no message for %g s\n", x->timeout_s);
            return x->count > 0 || x->printed == 0;
        }
        if (zmq_poll(&item, 1, (long)(1000 * (left < 1 ? left : 1)) + 1) <= 0)
            continue;
        heard = now_s();
        if (take(x) == ERR_IO) {
            fprintf(stderr, "outrider echo: %s\n", zmq_strerror(zmq_errno()));
            return 1;
        }
    }
    return 0;
}

static int open_bus(struct echo *x)
{
    const int no_linger = 0;

    x->context = zmq_ctx_new();
    x->socket = x->context ? zmq_socket(x->context, ZMQ_SUB) : NULL;
    if (!x->socket || zmq_setsockopt(x->socket, ZMQ_LINGER, &no_linger, sizeof no_linger) != 0)
        return 1;
    for (int i = 0; i < x->n_topics; i++)
        if (zmq_setsockopt(x->socket, ZMQ_SUBSCRIBE, x->topic[i], strlen(x->topic[i])) != 0)
            return 1;
    if (x->n_topics == 0 && zmq_setsockopt(x->socket, ZMQ_SUBSCRIBE, "", 0) != 0)
        return 1;
    return zmq_connect(x->socket, x->endpoint) != 0;
}

static const char usage[] =
    "usage: outrider echo [TOPIC...] [options]\n"
    "Prints what is published: all topics, or those that are named "
    "(objects, lanes/front, status).\n"
    "  --json              one JSON object per line, every field\n"
    "  --connect ENDPOINT  where to listen (tcp://127.0.0.1:5702); the truth "
    "of\n"
    "                      outrider sim is at tcp://127.0.0.1:5703\n"
    "  --count N           end after N messages\n"
    "  --timeout S         end when no message comes for S seconds; status "
    "1 if that was too early\n";

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "outrider echo: %s %s\n%s", what, value, usage);
    return 2;
}

static int parse(struct echo *x, int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},        {"connect", required_argument, NULL, 'c'},
        {"count", required_argument, NULL, 'n'}, {"timeout", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    char *end;

    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'j') {
            x->json = true;
        } else if (c == 'c') {
            x->endpoint = optarg;
        } else if (c == 'n') {
            x->count = strtol(optarg, &end, 10);
            if (*end || x->count < 1)
                return wrong("--count must be a number from 1 on, not", optarg);
        } else if (c == 't') {
            x->timeout_s = strtod(optarg, &end);
            if (*end || !(x->timeout_s > 0 && x->timeout_s < 1e9))
                return wrong("--timeout must be seconds more than 0, not", optarg);
        } else if (c == 'h') {
            fputs(usage, stdout);
            return 0;
        } else {
            fputs(usage, stderr);
            return 2;
        }
    }
    for (; optind < argc; optind++) {
        if (x->n_topics == MAX_TOPICS)
            return wrong("more topics than 32, from", argv[optind]);
        x->topic[x->n_topics++] = argv[optind];
    }
    return -1;
}

int echo_command(int argc, char **argv)
{
    struct echo x = {.endpoint = "tcp://127.0.0.1:5702"};
    struct sigaction action = {.sa_handler = on_signal};
    int status = parse(&x, argc, argv);

    if (status >= 0)
        return status;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (wire_open(&x.wire) != OK) {
        fprintf(stderr, "outrider echo: no memory\n");
        return 1;
    }
    status = open_bus(&x);
    if (status != 0)
        fprintf(stderr, "outrider echo: %s: %s\n", x.endpoint, zmq_strerror(zmq_errno()));
    else
        status = listen_until_done(&x);
    if (x.unreadable)
        fprintf(stderr, "outrider echo: %" PRIu64 " of %" PRIu64 " messages were unreadable\n",
                x.unreadable, x.unreadable + x.printed);
    if (x.socket)
        zmq_close(x.socket);
    if (x.context)
        zmq_ctx_term(x.context);
    wire_close(x.wire);
    return status;
}
