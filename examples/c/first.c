/* Fetches one page of an IoT cloud:  ./first kontakt /v3/device
 * KEYFOB_USERNAME, KEYFOB_PASSWORD_FILE, ... in the environment say who asks. */
#include <keyfob.h>
#include <stdio.h>

int main(int argc, char **argv) {
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_request *request = NULL;
    keyfob_response *response = NULL;
    keyfob_error *err = NULL;
    size_t len;
    if (argc == 3 && keyfob_config_new(argv[1], &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "KEYFOB", &err) == KEYFOB_OK &&
        keyfob_client_new(config, &client, &err) == KEYFOB_OK &&
        keyfob_request_new("GET", argv[2], &request, &err) == KEYFOB_OK &&
        keyfob_client_send(client, request, &response, &err) == KEYFOB_OK) { /* logs in, renews */
        const uint8_t *body = keyfob_response_body(response, &len);
        printf("HTTP %d: %.*s\n", keyfob_response_status(response), (int)len, (const char *)body);
    } else
        fprintf(stderr, "%s\n", err ? keyfob_error_message(err) : "usage: first PROVIDER URL");
    int failed = response == NULL;
    keyfob_error_free(err); /* every free accepts NULL */
    keyfob_response_free(response);
    keyfob_request_free(request);
    keyfob_client_free(client);
    keyfob_config_free(config);
    return failed;
}
