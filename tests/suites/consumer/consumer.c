/* A project that uses the installed library from C: prints the start of a token. */

#include <keyfob.h>
#include <stdio.h>

int main(void) {
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    char *token = NULL;
    if (keyfob_abi_version() < KEYFOB_ABI_VERSION)
        return 2;
    if (keyfob_config_new("simacan", &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "SIM_SIMACAN", &err) == KEYFOB_OK &&
        keyfob_client_new(config, &client, &err) == KEYFOB_OK &&
        keyfob_client_token(client, &token, &err) == KEYFOB_OK)
        printf("a token: %.3s\n", token);
    else
        fprintf(stderr, "%s\n", keyfob_error_message(err));
    keyfob_string_free(token);
    keyfob_client_free(client);
    keyfob_config_free(config);
    keyfob_error_free(err);
    return token == NULL;
}
