/* Lets a test wind the clock of whatever client a program makes: linked with
 * -Wl,--wrap=keyfob_client_new, it reads seconds from standard input, a line each. */
#include <keyfob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

keyfob_status __real_keyfob_client_new(const keyfob_config *config, keyfob_client **out, keyfob_error **err);
keyfob_status __wrap_keyfob_client_new(const keyfob_config *config, keyfob_client **out, keyfob_error **err);

static void *wind(void *client)
{
    char line[32];
    while (fgets(line, sizeof line, stdin) != NULL)
        if (keyfob_client_wind_ms(client, atol(line) * 1000, NULL) != KEYFOB_OK)
            abort();
    exit(0); /* the test is over */
}

keyfob_status __wrap_keyfob_client_new(const keyfob_config *config, keyfob_client **out, keyfob_error **err)
{
    pthread_t thread;
    keyfob_status status = __real_keyfob_client_new(config, out, err);
    if (status == KEYFOB_OK && pthread_create(&thread, NULL, wind, *out) != 0)
        abort();
    return status;
}
