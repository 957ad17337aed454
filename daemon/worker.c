#include "daemon/worker.h"

#include <stdio.h>

#include "daemon/log.h"

enum err worker_open(const struct daemon *d, int i, struct pool **pool, struct pipeline **out,
                     struct why *why)
{
    struct pipeline_config cfg = {
        .camera = d->config->camera[i].name, .config_id = d->config->id, .now_ns = clock_now_ns};
    enum err e;

    *out = NULL;
    *pool = NULL;
    for (int k = 0; k < 16; k++)
        cfg.run_uuid[k] = d->run_uuid[k];
    cfg.perception = config_perception(d->config, i, NULL);
    if (cfg.perception.n_networks) {
        if ((e = pool_open(config_threads(d->config), pool)) != OK)
            return err_say(why, e, "camera %s: no threads", cfg.camera);
        cfg.perception = config_perception(d->config, i, *pool);
    }
    if ((e = pipeline_open(&cfg, out, why)) != OK) {
        err_prefix(why, e, "camera %s: ", cfg.camera);
        pool_close(*pool);
        *pool = NULL;
    }
    return e;
}

static void fail(struct channel *c, const struct why *why)
{
    struct daemon *d = c->daemon;

    log_error("worker_failed", "why=\"%s\"", why->text);
    channel_error(c, why->text);
    pthread_mutex_lock(&d->lock);
    if (!*d->trouble.text)
        d->trouble = *why;
    pthread_mutex_unlock(&d->lock);
    atomic_store(&c->state, WORKER_FAILED);
    wake_ring(&d->troubled);
}

static void answer(struct channel *c, struct pipeline *p, const struct slot *s)
{
    struct answer *a = &c->answer[c->answers.back];

    pipeline_run(p, &s->frame, a);
    if (a->undecodable)
        atomic_fetch_add(&c->counters.drop[DROP_UNDECODABLE], 1);
    if (*a->why.text) {
        channel_error(c, a->why.text);
        log_warn("frame_refused", "camera=%s frame=%llu why=\"%s\"", c->config->name,
                 (unsigned long long)s->frame.header.frame_id, a->why.text);
    }
    while (mailbox_full(&c->answers) && !atomic_load(&c->daemon->stopping))
        wake_wait(&c->sent, NS_PER_S / 10);
    mailbox_post(&c->answers);
}

static void calibrate(struct channel *c, struct pipeline *p, const struct slot *s)
{
    struct why why;

    if (pipeline_calibrate(p, &s->calibration, &why) != OK) {
        channel_error(c, why.text);
        log_warn("calibration_refused", "camera=%s why=\"%s\"", c->config->name, why.text);
    }
}

static void work(struct channel *c, struct pipeline *p)
{
    unsigned calibration_nr = 0;

    while (!atomic_load(&c->daemon->stopping)) {
        struct slot *s;

        if (!mailbox_take(&c->frames)) {
            wake_wait(&c->posted, NS_PER_S);
            continue;
        }
        s = &c->slot[c->frames.front];
        atomic_store(&c->busy_since_ns, clock_now_ns());
        wake_ring(&c->taken);
        if (s->calibration_nr != calibration_nr)
            calibrate(c, p, s);
        calibration_nr = s->calibration_nr;
        answer(c, p, s);
        zmq_msg_close(&s->pixels); /* the picture's memory goes back now, not at the next frame */
        zmq_msg_init(&s->pixels);
        atomic_store(&c->busy_since_ns, TIME_UNKNOWN);
        wake_ring(&c->daemon->answered);
    }
}

void *worker_thread(void *channel)
{
    struct channel *c = channel;
    struct daemon *d = c->daemon;
    struct pipeline *p;
    struct pool *pool;
    struct why why;

    if (worker_open(d, c->index, &pool, &p, &why) != OK) {
        fail(c, &why);
        return NULL;
    }
    snprintf(c->model_id, sizeof c->model_id, "%s", pipeline_model_id(p));
    c->gives = pipeline_gives(p);
    atomic_store(&c->state, WORKER_READY);
    wake_ring(&d->answered);
    log_info("camera_ready", "camera=%s model=%s load_ms=%lld", c->config->name,
             *c->model_id ? c->model_id : "none",
             (long long)((clock_now_ns() - d->start_ns) / NS_PER_MS));
    work(c, p);
    pipeline_close(p);
    pool_close(pool);
    atomic_store(&c->state, WORKER_GONE);
    wake_ring(&d->troubled);
    return NULL;
}
