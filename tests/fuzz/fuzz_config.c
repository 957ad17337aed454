/* Any bytes as a configuration file, with some of them as --set. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* What follows a zero byte, up to the next one, is put on top. */
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    size_t n_text = end ? (size_t)(end - data) : size, n_set = size - n_text;
    char *set = calloc(n_set + 1, 1);
    const char *const sets[] = {set};
    struct config *c = NULL;
    struct why why;

    if (!set)
        return 0;
    if (n_set > 1)
        memcpy(set, data + n_text + 1, n_set - 1);
    if (config_parse((const char *)data, n_text, "a.yaml", "/etc", sets, n_set > 1, &c, &why) == OK)
        config_close(c);
    free(set);
    return 0;
}
