/* Asks for a token again and again, until it is killed. Its options are the variables KEYFOB_*. */
#define _POSIX_C_SOURCE 200809L
#include <keyfob.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    const struct timespec rest = {0, 50000000};
    if (keyfob_config_new(getenv("CLOUD"), &config, NULL) != KEYFOB_OK ||
        keyfob_config_load_env(config, "KEYFOB", NULL) != KEYFOB_OK ||
        keyfob_client_new(config, &client, NULL) != KEYFOB_OK)
        return 1;
    printf("%ld\n", (long)getpid());
    fflush(stdout);
    for (;;) {
        char *token = NULL;
        keyfob_error *err = NULL;
        if (keyfob_client_token(client, &token, &err) != KEYFOB_OK) {
            printf("%s: %s\n", keyfob_status_name(keyfob_error_status(err)), keyfob_error_message(err));
            fflush(stdout);
        }
        keyfob_error_free(err);
        keyfob_string_free(token);
        nanosleep(&rest, NULL);
    }
}
