/* Prints a token that is kept in a directory: shared_store DIRECTORY [SECONDS], with the login in KEYFOB_*.
 * SECONDS is by how much the clock is wound first; a line says when that is done. */

#include <keyfob.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **argument) {
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    char *token = NULL;
    char store[1024];
    snprintf(store, sizeof store, "file:%s", count > 1 ? argument[1] : "");
    if (keyfob_config_new("simacan", &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "KEYFOB", &err) == KEYFOB_OK &&
        keyfob_config_set(config, "store", store, &err) == KEYFOB_OK &&
        keyfob_client_new(config, &client, &err) == KEYFOB_OK &&
        keyfob_client_wind_ms(client, count > 2 ? atoi(argument[2]) * 1000 : 0, &err) == KEYFOB_OK &&
        printf("ready\n") > 0 && fflush(stdout) == 0 && keyfob_client_token(client, &token, &err) == KEYFOB_OK)
        printf("%s\n", token);
    else
        fprintf(stderr, "%s\n", keyfob_error_message(err));
    keyfob_string_free(token);
    keyfob_client_free(client);
    keyfob_config_free(config);
    return err == NULL ? 0 : (keyfob_error_free(err), 1);
}
