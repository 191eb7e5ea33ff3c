/* keyfob-story: one client that stays, told line by line what to do. It shows what happens to a
 * program that outlives its tokens, without waiting for them to age: examples/demo drives it.
 *
 * Options come from the environment, as for keyfob-devices. On standard input, a line each:
 *
 *     token           asks for a token and says how long it lives
 *     get URL         sends a request
 *     wind SECONDS    lets time pass on the client's clock
 *     status          prints the client's state
 */
#include <keyfob.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every order is answered with one line, so that whoever drives this can wait for it. */
static void answer_error(keyfob_error *err) {
    printf("%s: %s\n", keyfob_status_name(keyfob_error_status(err)), keyfob_error_message(err));
    keyfob_error_free(err);
}

static void token(const keyfob_client *client) {
    char *token;
    int64_t lives;
    keyfob_error *err;
    if (keyfob_client_token(client, &token, &err) != KEYFOB_OK) {
        answer_error(err);
        return;
    }
    keyfob_string_free(token);
    if (keyfob_client_expires_in_ms(client, &lives, &err) != KEYFOB_OK)
        answer_error(err);
    else if (lives == INT64_MAX)
        puts("a token that never expires");
    else
        printf("a token for %" PRId64 " s\n", (lives + 999) / 1000);
}

static void get(const keyfob_client *client, const char *url) {
    keyfob_request *request = NULL;
    keyfob_response *response = NULL;
    keyfob_error *err;
    if (keyfob_request_new("GET", url, &request, &err) != KEYFOB_OK ||
        keyfob_client_send(client, request, &response, &err) != KEYFOB_OK)
        answer_error(err);
    else
        printf("HTTP %d\n", keyfob_response_status(response));
    keyfob_response_free(response);
    keyfob_request_free(request);
}

static void wind(const keyfob_client *client, const char *seconds) {
    keyfob_error *err;
    if (keyfob_client_wind_ms(client, strtoll(seconds, NULL, 10) * 1000, &err) != KEYFOB_OK)
        answer_error(err);
    else
        puts("later");
}

static void status(const keyfob_client *client) {
    char *json;
    keyfob_error *err;
    if (keyfob_client_status_json(client, &json, &err) != KEYFOB_OK) {
        answer_error(err);
        return;
    }
    puts(json);
    keyfob_string_free(json);
}

static void obey(const keyfob_client *client, char *order) {
    char *argument = strchr(order, ' ');
    if (argument != NULL)
        *argument++ = '\0';
    if (strcmp(order, "token") == 0)
        token(client);
    else if (strcmp(order, "status") == 0)
        status(client);
    else if (strcmp(order, "get") == 0 && argument != NULL)
        get(client, argument);
    else if (strcmp(order, "wind") == 0 && argument != NULL)
        wind(client, argument);
    else
        puts("not an order");
    fflush(stdout);
}

int main(int argc, char **argv) {
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    char line[1024];
    int code = 1;
    if (argc != 2) {
        fputs("usage: keyfob-story PROVIDER\n", stderr);
        return 2;
    }
    if (keyfob_config_new(argv[1], &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "KEYFOB", &err) == KEYFOB_OK &&
        keyfob_client_new(config, &client, &err) == KEYFOB_OK) {
        while (fgets(line, sizeof line, stdin) != NULL) {
            line[strcspn(line, "\n")] = '\0';
            obey(client, line);
        }
        code = 0;
    } else {
        fprintf(stderr, "keyfob-story: %s\n", keyfob_error_message(err));
    }
    keyfob_client_free(client);
    keyfob_config_free(config);
    keyfob_error_free(err);
    return code;
}
