/* A planner's side of the bus: keeps two seconds behind the lead vehicle, on paper.
 *   example [ENDPOINT [CAMERA]] */
#include <stdio.h>
#include <time.h>

#include "proto/client/outrider_client.h"

static int64_t now_ns(void) /* live cameras stamp with CLOCK_MONOTONIC; check header.clock_id */
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void plan(const struct objects_message *m)
{
    if (m->header.qualifier == QUALIFIER_NOT_AVAILABLE || m->header.qualifier == QUALIFIER_BLIND)
        printf("seq %llu: blind, slow down\n", (unsigned long long)m->header.seq);
    else if (m->header.clock_id == CLOCK_ID_MONOTONIC && outrider_is_stale(&m->header, now_ns()))
        printf("seq %llu: too old, slow down\n", (unsigned long long)m->header.seq);
    else
        for (int i = 0; i < m->n_objects; i++)
            if (m->object[i].is_lead) /* NAN where it is not known: compare so that NAN is false */
                printf("seq %llu: lead %.1f m ahead, ttc %.1f s%s\n",
                       (unsigned long long)m->header.seq, (double)m->object[i].x_m,
                       (double)m->object[i].ttc_s, m->object[i].ttc_s < 2 ? ": brake" : "");
}

int main(int argc, char **argv)
{
    const char *endpoint = argc > 1 ? argv[1] : "tcp://127.0.0.1:5702";
    const char *camera = argc > 2 ? argv[2] : "front";
    struct outrider_client *c;
    struct why why;

    if (outrider_client_open(endpoint, &c, &why) != OK ||
        outrider_client_subscribe(c, TOPIC_OBJECTS, camera, &why) != OK) {
        fprintf(stderr, "example: %s\n", why.text);
        return 1;
    }
    for (;;) {
        enum err e = outrider_client_wait(c, 500, &why);

        if (e == ERR_AGAIN)
            printf("nothing for half a second, slow down\n");
        else if (e != OK)
            fprintf(stderr, "example: %s\n", why.text);
        if (e == OK && outrider_client_objects(c, camera))
            plan(outrider_client_objects(c, camera));
        fflush(stdout);
    }
}
