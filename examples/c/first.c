#include <keyfob.h>
#include <stdio.h>

int main(void) { /* KEYFOB_USERNAME, KEYFOB_PASSWORD_FILE, ... say who logs in */
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    char *line = NULL;
    if (keyfob_config_new("simacan", &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "KEYFOB", &err) == KEYFOB_OK &&
        keyfob_client_new(config, &client, &err) == KEYFOB_OK &&
        keyfob_client_headers(client, &line, &err) == KEYFOB_OK) /* logs in; later, renews */
        printf("%s\n", line); /* Authorization: Bearer ... */
    else
        fprintf(stderr, "%s\n", keyfob_error_message(err));
    keyfob_string_free(line); /* every free accepts NULL */
    keyfob_client_free(client);
    keyfob_config_free(config);
    return err == NULL ? 0 : (keyfob_error_free(err), 1);
}
