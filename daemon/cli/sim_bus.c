/* outrider sim onto the bus.
 *
 * Live, the picture of instant i is drawn ahead and leaves at start + i / rate on CLOCK_MONOTONIC,
 * which is its t_sof. Where drawing takes longer than a period, simulated frames are left out: the
 * world keeps the time, and no backlog builds up. In lock-step the times are those of the world, on
 * CLOCK_SIM, and the world moves on when objects and lanes answered, and then the planner where one
 * drives: every run is the same. A planner without a daemon (--no-render) drives by the truth. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/sim_driving.h"
#include "daemon/cli/sim_options.h"
#include "sim/control_port.h"
#include "sim/driver.h"
#include "sim/encode.h"
#include "sim/score.h"
#include "sim/sender.h"
#include "sim/truth_sender.h"

#define NS 1000000000
static const double FREE_SPEED_MPS = 13.9; /* where no lane says how fast one may drive */

struct picture { /* as it goes out; the bytes are its own */
    struct frame_header header;
    uint8_t *data;
    size_t size, capacity;
};

struct bus {
    const struct sim_options *o;
    struct stage *stage;
    struct encoder *encoder;
    uint8_t *lens; /* (height, width, 3), where there are faults; else NULL */
    struct sender *sender;
    struct truth_sender *truth_sender; /* NULL: nobody is told */
    struct score *score;               /* NULL: nobody asked */
    struct driver driver;
    struct control_port *control; /* NULL: no planner drives */
    struct driving driving;
    int frames;
    int64_t period_ns, start_ns, shown_ns, gone_ns; /* gone: since when nobody takes frames, or 0 */
    double now_s; /* of the drive: in lock-step the world's, live by the clock */

    struct picture fresh, sent, held; /* held.size 0: no frame is held back */
    uint64_t n_told, n_sent, n_left_out, n_lost, n_refused;

    bool answered; /* a frame was, once */
    bool deserted; /* the planner let a frame go by without an answer, and has not come back */
    double driven_m;
};

/* ---- hearing ------------------------------------------------------------------------------- */

static void look_at_clock(struct bus *b)
{
    b->now_s =
        b->o->lockstep ? stage_world(b->stage)->t : (double)(sender_now_ns() - b->start_ns) / NS;
}

static void hear(void *context, const struct objects_message *o, const struct lanes_message *l)
{
    struct bus *b = context;

    b->answered |= o ? o->header.has_frame : l->header.has_frame;
    if (!b->answered) /* about a time before the drive */
        return;
    look_at_clock(b);
    if (b->score && o)
        score_objects(b->score, o, b->now_s);
    if (b->score && l)
        score_lanes(b->score, l, b->now_s);
    if (o)
        driver_hear_objects(&b->driver, o, b->now_s);
    if (l)
        driver_hear_lanes(&b->driver, l, b->now_s);
}

/* ---- driving ------------------------------------------------------------------------------- */

static double allowed_speed(const struct world *w)
{
    if (w->ego.lane < 0)
        return FREE_SPEED_MPS;
    return w->roads.road[w->ego.road].lane[w->ego.lane].speed_limit;
}

/* The scenario drives until the daemon, or the planner, was heard once: from then on nobody helps.
 * False: it still does. */
static bool command(struct bus *b, struct drive_command *c, double dt)
{
    const struct world *w = stage_world(b->stage);
    struct driving *d = &b->driving;
    bool stale = false;

    if (b->o->drive && isfinite(b->driver.lane_s) && isfinite(b->driver.lead_s)) {
        *c = driver_command(&b->driver, b->now_s, w->ego.speed, allowed_speed(w));
        d->on = true;
        d->blind_s = b->driver.blind_steps * dt;
    } else if (b->control) {
        int64_t now_ns = llround(b->now_s * NS) + (b->o->lockstep ? 0 : b->start_ns);

        control_port_read(b->control);
        d->on = control_port_command(b->control, now_ns, c, &stale);
        d->silent_s += stale ? dt : 0;
    }
    return d->on;
}

static void move(struct bus *b, double dt)
{
    const struct world *w = stage_world(b->stage);
    struct drive_command c;
    bool commanded = command(b, &c, dt);

    stage_step(b->stage, dt, commanded ? &c : NULL);
    b->driven_m += w->ego.speed * dt;
    if (commanded)
        driving_step(&b->driving, w, dt);
}

/* In lock-step a planner answers every frame. One that fell silent is waited for once, and then the
 * car brakes. */
static enum wait await_command(struct bus *b, const struct frame_header *h)
{
    if (!b->control || !b->o->lockstep)
        return WAIT_DONE;
    int64_t wait_ns = b->deserted ? 0 : llround(b->o->wait_s * NS);
    enum wait w = control_port_await(b->control, &h->frame_id, sender_now_ns() + wait_ns);
    b->deserted = w == WAIT_TIMEOUT;
    return w == WAIT_TIMEOUT ? WAIT_DONE : w;
}

/* ---- one frame ----------------------------------------------------------------------------- */

static bool keep(struct picture *p, const struct frame_header *h, struct bytes pixels)
{
    if (pixels.size > p->capacity) {
        uint8_t *data = realloc(p->data, pixels.size);

        if (!data)
            return false;
        p->data = data;
        p->capacity = pixels.size;
    }
    p->header = *h;
    p->size = pixels.size;
    memcpy(p->data, pixels.data, pixels.size);
    return true;
}

static struct bytes bytes_of(const struct picture *p)
{
    return (struct bytes){p->data, p->size};
}

/* The renderer's pixels are its own: faults of the lens work on a copy. */
static enum err encode(struct bus *b, const struct rendered *picture, struct bytes *out,
                       struct why *why)
{
    const size_t row = 3 * (size_t)picture->width;
    struct image rgb = {(uint8_t *)(uintptr_t)picture->rgb, picture->width, picture->height,
                        (int)row};

    if (b->lens) {
        memcpy(b->lens, picture->rgb, row * (size_t)picture->height);
        rgb.data = b->lens;
        faults_lens(&b->o->faults, stage_world(b->stage)->t, &rgb);
    }
    return encoder_picture(b->encoder, &rgb, b->o->encoding, out, why);
}

static struct frame_header header_of(struct bus *b, int i, int64_t shift_ns)
{
    const struct camera *c = &b->o->stage.camera;
    struct frame_header h = {
        .frame_id = (uint64_t)i,
        .t_sof_ns = (b->o->lockstep ? 0 : b->start_ns) + i * b->period_ns + shift_ns,
        .t_eof_ns = TIME_UNKNOWN,
        .clock_id = b->o->lockstep ? CLOCK_ID_SIM : CLOCK_ID_MONOTONIC,
        .encoding = b->o->encoding,
        .width = c->width,
        .height = c->height,
        .stride_bytes = b->o->encoding == ENCODING_RGB8 ? 3 * c->width : 0,
        .last = i == b->frames - 1,
    };

    return h;
}

/* A daemon that is gone shows as a queue that stays full: ZeroMQ waits for it to come back. */
static enum wait refused(struct bus *b, const struct frame_header *h, struct why *why)
{
    int64_t now = sender_now_ns();

    b->n_refused++;
    b->gone_ns = b->gone_ns ? b->gone_ns : now;
    if (!b->o->lockstep && (double)(now - b->gone_ns) < b->o->wait_s * NS)
        return WAIT_DONE;
    err_say(why, ERR_IO, "the daemon at %s is gone: nobody takes frame %" PRIu64, b->o->frames_at,
            h->frame_id);
    return WAIT_TIMEOUT;
}

static enum wait send(struct bus *b, const struct picture *p, struct why *why)
{
    if (!sender_frame(b->sender, &p->header, bytes_of(p)))
        return refused(b, &p->header, why);
    b->gone_ns = 0;
    b->n_sent++;
    if (!b->o->lockstep)
        return WAIT_DONE;
    int64_t deadline = sender_now_ns() + llround(b->o->wait_s * NS);
    enum wait w = sender_await_answers(b->sender, &p->header, deadline, why);
    if (w == WAIT_TIMEOUT)
        err_prefix(why, ERR_IO, "after %g s: ", b->o->wait_s);
    return w == WAIT_DONE ? await_command(b, &p->header) : w;
}

static enum wait send_held(struct bus *b, struct why *why)
{
    enum wait w = b->held.size ? send(b, &b->held, why) : WAIT_DONE;

    b->held.size = 0;
    return w;
}

/* The frame in b->fresh, with what the faults do to it. */
static enum wait deliver(struct bus *b, const struct fault_verdict *v, struct why *why)
{
    struct picture *p = &b->fresh;
    enum wait w;

    if (v->frozen && b->sent.size) {
        struct frame_header h = p->header;

        if (!keep(p, &h, bytes_of(&b->sent)))
            goto no_memory;
    } else if (!keep(&b->sent, &p->header, bytes_of(p))) {
        goto no_memory;
    }
    if (v->lost) {
        b->n_lost++;
        return WAIT_DONE;
    }
    if (v->damage)
        p->size = fault_damage(v->damage, b->o->encoding != ENCODING_RGB8, p->data, p->size);
    if (v->late && !b->held.size) {
        if (!keep(&b->held, &p->header, bytes_of(p)))
            goto no_memory;
        return WAIT_DONE;
    }
    w = send(b, p, why);
    if (w == WAIT_DONE && v->twice)
        w = send(b, p, why);
    return w == WAIT_DONE ? send_held(b, why) : w;
no_memory:
    err_say(why, ERR_NOMEM, "no memory for a picture");
    return WAIT_TIMEOUT;
}

static void send_ego(struct bus *b, const struct truth *t, const struct frame_header *h)
{
    struct ego ego = t->ego;

    ego.t_ns = h->t_sof_ns;
    ego.clock_id = h->clock_id;
    ego.clock_epoch = h->clock_epoch;
    sender_ego(b->sender, &ego);
}

static enum wait frame(struct bus *b, int i, struct why *why)
{
    struct fault_verdict v;
    const struct rendered *picture;
    const struct truth *truth;
    struct bytes pixels = {NULL, 0};

    v = faults_frame(&b->o->faults, b->o->stage.seed, (uint64_t)i, stage_world(b->stage)->t);
    struct frame_header h = header_of(b, i, v.shift_ns);
    if (stage_look(b->stage, &picture, &truth, why) != OK)
        return WAIT_TIMEOUT;
    if (b->o->stage.render && encode(b, picture, &pixels, why) != OK)
        return WAIT_TIMEOUT;
    if (!b->o->lockstep) {
        enum wait w = sender_sleep(b->sender, b->start_ns + i * b->period_ns);

        if (w != WAIT_TIMEOUT)
            return w;
    }
    b->n_told++;
    driving_look(&b->driving, &truth->scene, &stage_world(b->stage)->ego);
    if (b->truth_sender)
        truth_sender_send(b->truth_sender, truth, &h);
    if (b->score && !v.lost)
        score_truth(b->score, truth, h.t_sof_ns);
    send_ego(b, truth, &h);
    if (!pixels.data) /* nothing is rendered */
        return await_command(b, &h);
    if (!keep(&b->fresh, &h, pixels)) {
        err_say(why, ERR_NOMEM, "no memory for a picture");
        return WAIT_TIMEOUT;
    }
    return deliver(b, &v, why);
}

/* ---- the drive ----------------------------------------------------------------------------- */

static void show_progress(struct bus *b, int i)
{
    int64_t now = sender_now_ns();

    if (!b->o->progress || now - b->shown_ns < NS / 4)
        return;
    b->shown_ns = now;
    fprintf(stderr, "\r\033[K%s: frame %d of %d, %.1f s, %.0f m, %" PRIu64 " left out",
            b->o->camera, i + 1, b->frames, (double)(now - b->start_ns) / NS, b->driven_m,
            b->n_left_out);
}

static enum wait drive(struct bus *b, struct why *why)
{
    const double dt = (double)b->period_ns / NS;

    for (int i = 0; i < b->frames; i++) {
        look_at_clock(b);
        if (i > 0)
            move(b, dt);
        if (!b->o->lockstep && i > 0 && sender_now_ns() > b->start_ns + i * b->period_ns) {
            b->n_left_out++;
            continue;
        }
        enum wait w = frame(b, i, why);
        if (w != WAIT_DONE)
            return w;
        show_progress(b, i);
    }
    return send_held(b, why);
}

/* The last answers are still on their way when the last frame left. */
static void hear_the_last(struct bus *b)
{
    if (b->score && !b->o->lockstep)
        sender_sleep(b->sender, sender_now_ns() + NS / 2);
}

/* ---- the end ------------------------------------------------------------------------------- */

static const char *driver_name(const struct bus *b)
{
    return b->control ? "planner" : "daemon";
}

static void print_refused_commands(const struct bus *b, FILE *f)
{
    struct control_counts n;

    if (!b->control)
        return;
    n = control_port_counts(b->control);
    if (n.refused)
        fprintf(f, "%" PRIu64 " commands were refused, the last one: %s\n", n.refused,
                n.last_refusal.text);
}

static void print_summary(const struct bus *b, FILE *f)
{
    double s = (double)(sender_now_ns() - b->start_ns) / NS;

    if (b->o->progress)
        fputs("\r\033[K", stderr);
    if (b->o->stage.render)
        fprintf(f, "%" PRIu64 " frames in %.2f s%s", b->n_sent, s,
                b->o->lockstep ? ", each answered" : "");
    else
        fprintf(f, "The truth of %" PRIu64 " frames in %.2f s, without pictures", b->n_told, s);
    if (b->n_lost)
        fprintf(f, ", %" PRIu64 " lost on the way", b->n_lost);
    if (b->n_refused)
        fprintf(f, ", %" PRIu64 " more that nobody took in time", b->n_refused);
    fprintf(f, "; %.0f m driven\n", b->driven_m);
    if (b->n_left_out)
        fprintf(f, "Drawing took longer than %.0f ms: %" PRIu64 " of %d frames were left out\n",
                (double)b->period_ns / 1e6, b->n_left_out, b->frames);
    if (b->o->drive || b->control)
        driving_print(&b->driving, driver_name(b), f);
    print_refused_commands(b, f);
}

static void print_driving_json(const struct bus *b)
{
    if (b->o->json && (b->o->drive || b->control))
        driving_json(&b->driving, driver_name(b), stdout);
}

static void print_score(struct bus *b)
{
    struct score_result r;

    if (!b->score)
        return;
    score_result(b->score, &r);
    if (b->o->json)
        score_json(&r, stdout);
    else
        score_print(&r, stdout);
}

/* ---- opening ------------------------------------------------------------------------------- */

static enum err open_bus(struct bus *b, struct why *why)
{
    const struct sim_options *o = b->o;
    const struct camera stated = faults_camera(&o->faults, &o->stage.camera);
    bool listens = o->lockstep || o->score || o->drive;
    const struct sender_options so = {
        .camera = o->camera,
        .vehicle = o->vehicle,
        .frames = o->frames_at,
        .answers = listens && o->stage.render ? o->answers_at : NULL,
        .calibration = &stated,
        .stop_fd = o->stop_fd,
        .hear = o->score || o->drive ? hear : NULL,
        .context = b,
    };
    const struct truth_sender_options to = {.endpoint = o->truth_at,
                                            .camera = o->camera,
                                            .vehicle = o->vehicle,
                                            .seed = o->stage.seed,
                                            .period_ns = b->period_ns};
    const struct control_port_options co = {.endpoint = o->control_at,
                                            .vehicle = o->vehicle,
                                            .clock_id =
                                                o->lockstep ? CLOCK_ID_SIM : CLOCK_ID_MONOTONIC,
                                            .stop_fd = o->stop_fd};
    enum err e = sender_open(&so, &b->sender, why);

    if (e == OK && o->truth_at)
        e = truth_sender_open(&to, &b->truth_sender, why);
    if (e == OK && o->control_at)
        e = control_port_open(&co, &b->control, why);
    return e;
}

static enum err open_all(struct bus *b, struct why *why)
{
    const struct camera *c = &b->o->stage.camera;
    enum err e;

    b->period_ns = llround(NS / b->o->rate_hz);
    if ((e = open_bus(b, why)) != OK || (e = stage_open(&b->o->stage, &b->stage, why)) != OK)
        return e;
    if ((e = encoder_open(&b->encoder)) != OK)
        return err_say(why, e, "no memory");
    if (b->o->faults.n && !(b->lens = malloc(3 * (size_t)c->width * (size_t)c->height)))
        return err_say(why, ERR_NOMEM, "no memory");
    if (b->o->score && (e = score_open(&b->o->stage.camera, &b->o->faults, &b->score)) != OK)
        return err_say(why, e, "no memory");
    b->frames = sim_frames(b->o, b->stage);
    driving_init(&b->driving);
    driver_init(&b->driver, &stage_world(b->stage)->ego);
    return OK;
}

static void close_all(struct bus *b)
{
    score_close(b->score);
    encoder_close(b->encoder);
    stage_close(b->stage);
    control_port_close(b->control);
    truth_sender_close(b->truth_sender);
    sender_close(b->sender);
    free(b->lens);
    free(b->fresh.data);
    free(b->sent.data);
    free(b->held.data);
}

static enum wait await_daemon(struct bus *b, struct why *why)
{
    if (!b->o->stage.render) /* there is nothing for it */
        return WAIT_DONE;
    return sender_await_reader(b->sender, sender_now_ns() + llround(b->o->wait_s * NS), why);
}

/* Until it commands something: then it hears us, and the daemon, and we hear it. */
static enum wait await_planner(struct bus *b, struct why *why)
{
    int64_t now = sender_now_ns(), deadline = now + llround(b->o->wait_s * NS);
    const struct rendered *picture;
    const struct truth *truth;
    enum wait w = b->control ? WAIT_TIMEOUT : WAIT_DONE;

    if (w == WAIT_TIMEOUT && stage_look(b->stage, &picture, &truth, why) != OK)
        return w;
    for (; w == WAIT_TIMEOUT && now < deadline; now = sender_now_ns()) {
        struct frame_header h = header_of(b, 0, 0);

        h.t_sof_ns = b->o->lockstep ? 0 : now;
        truth_sender_send_first(b->truth_sender, truth, &h);
        w = control_port_await(b->control, NULL, now + NS / 20);
    }
    if (w == WAIT_TIMEOUT)
        err_say(why, ERR_IO, "no planner commands control/%s at %s", b->o->vehicle,
                b->o->control_at);
    return w;
}

int sim_bus(const struct sim_options *o)
{
    static struct bus b; /* large */
    struct why why;
    enum wait w = WAIT_TIMEOUT;

    b = (struct bus){.o = o};
    if (open_all(&b, &why) == OK && (w = await_daemon(&b, &why)) == WAIT_DONE &&
        (w = await_planner(&b, &why)) == WAIT_DONE) {
        if (o->progress)
            fprintf(stderr, "%s: %d frames at %g Hz%s%s\n", stage_name(b.stage), b.frames,
                    o->rate_hz, o->stage.render ? ", drawn by " : "", stage_device(b.stage));
        b.start_ns = sender_now_ns() + (o->lockstep ? 0 : b.period_ns);
        w = drive(&b, &why);
        hear_the_last(&b);
        print_summary(&b, o->json ? stderr : stdout);
        print_score(&b);
        print_driving_json(&b);
    }
    if (w == WAIT_TIMEOUT)
        fprintf(stderr, "outrider sim: %s\n", why.text);
    close_all(&b);
    return w == WAIT_TIMEOUT || b.driving.collided;
}
