#include "daemon/channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static enum err channel_init(struct channel *c, struct daemon *d, int index)
{
    const struct camera_config *config = &d->config->camera[index];
    int64_t period_ns = (int64_t)((double)NS_PER_S / (double)config->rate_hz);

    c->daemon = d;
    c->config = config;
    c->index = index;
    timeline_init(&c->timeline, period_ns);
    mailbox_init(&c->frames);
    mailbox_init(&c->answers);
    for (int i = 0; i < MAILBOX_SLOTS; i++)
        zmq_msg_init(&c->slot[i].pixels);
    atomic_init(&c->received_ns, TIME_UNKNOWN);
    atomic_init(&c->busy_since_ns, TIME_UNKNOWN);
    atomic_init(&c->period_ns, period_ns);
    atomic_init(&c->state, WORKER_LOADING);
    pthread_mutex_init(&c->lock, NULL);
    c->calibration = config->calibration.camera;
    c->calibration_source = c->calibration.width ? CALIBRATION_CONFIG : CALIBRATION_NONE;
    c->posted.fd = c->taken.fd = c->sent.fd = -1;
    if (wake_init(&c->posted) != OK || wake_init(&c->taken) != OK || wake_init(&c->sent) != OK)
        return ERR_IO;
    return OK;
}

static void channel_finish(struct channel *c)
{
    for (int i = 0; i < MAILBOX_SLOTS; i++)
        zmq_msg_close(&c->slot[i].pixels);
    wake_finish(&c->posted);
    wake_finish(&c->taken);
    wake_finish(&c->sent);
    pthread_mutex_destroy(&c->lock);
}

/* A random UUID (RFC 4122, version 4). */
static enum err make_uuid(uint8_t uuid[16])
{
    if (getrandom(uuid, 16, 0) != 16)
        return ERR_IO;
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
    return OK;
}

enum err daemon_init(struct daemon *d, const struct config *c, struct why *why)
{
    *d = (struct daemon){.config = c, .start_ns = clock_now_ns()};
    pthread_mutex_init(&d->lock, NULL);
    d->stop.fd = d->answered.fd = d->troubled.fd = -1;
    d->channel = calloc(c->n_cameras, sizeof *d->channel);
    if (!d->channel)
        return err_say(why, ERR_NOMEM, "no memory for %u cameras", c->n_cameras);
    if (make_uuid(d->run_uuid) != OK || wake_init(&d->stop) != OK ||
        wake_init(&d->answered) != OK || wake_init(&d->troubled) != OK)
        goto refused;
    for (; d->n_channels < (int)c->n_cameras; d->n_channels++)
        if (channel_init(&d->channel[d->n_channels], d, d->n_channels) != OK) {
            d->n_channels++;
            goto refused;
        }
    return OK;
refused:
    err_say(why, ERR_IO, "the system refused an event counter: %s", strerror(errno));
    return ERR_IO;
}

void daemon_finish(struct daemon *d)
{
    for (int i = 0; i < d->n_channels; i++)
        channel_finish(&d->channel[i]);
    free(d->channel);
    wake_finish(&d->stop);
    wake_finish(&d->answered);
    wake_finish(&d->troubled);
    pthread_mutex_destroy(&d->lock);
}

void daemon_stop(struct daemon *d)
{
    atomic_store(&d->stopping, true);
    wake_ring(&d->stop);
    wake_ring(&d->answered);
    for (int i = 0; i < d->n_channels; i++) {
        wake_ring(&d->channel[i].posted);
        wake_ring(&d->channel[i].taken);
        wake_ring(&d->channel[i].sent);
    }
}

struct channel *channel_find(struct daemon *d, const char *camera)
{
    for (int i = 0; i < d->n_channels; i++)
        if (!strcmp(d->channel[i].config->name, camera))
            return &d->channel[i];
    return NULL;
}

void channel_error(struct channel *c, const char *text)
{
    pthread_mutex_lock(&c->lock);
    snprintf(c->last_error, sizeof c->last_error, "%s", text);
    pthread_mutex_unlock(&c->lock);
}

void channel_calibrate(struct channel *c, const struct camera *camera)
{
    pthread_mutex_lock(&c->lock);
    c->calibration = *camera;
    c->calibration_source = CALIBRATION_MESSAGE;
    c->calibration_nr++;
    pthread_mutex_unlock(&c->lock);
}
