/* Drives the C ABI by the orders of the conformance table: README.md has the protocol. */

#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyfob.h"

enum { MOST_FIELDS = 64, MOST_CLIENTS = 8, MOST_CALLERS = 64 };

static struct {
    char *name;
    keyfob_client *client;
    keyfob_login *login;
} clients[MOST_CLIENTS];

/* A client that is not there is NULL, and calls on it fail. */
static keyfob_client *client_named(const char *name) {
    for (int i = 0; i < MOST_CLIENTS; i++)
        if (clients[i].name && strcmp(clients[i].name, name) == 0)
            return clients[i].client;
    return NULL;
}

static keyfob_login **login_of(const char *name) {
    for (int i = 0; i < MOST_CLIENTS; i++)
        if (clients[i].name && strcmp(clients[i].name, name) == 0)
            return &clients[i].login;
    abort();
}

static void keep(const char *name, keyfob_client *client) {
    for (int i = 0; i < MOST_CLIENTS; i++) {
        if (!clients[i].name) {
            clients[i].name = strdup(name);
            clients[i].client = client;
            clients[i].login = NULL;
            return;
        }
    }
    abort();
}

static void let_go(const char *name) {
    for (int i = 0; i < MOST_CLIENTS; i++) {
        if (clients[i].name && strcmp(clients[i].name, name) == 0) {
            keyfob_client_free(clients[i].client);
            keyfob_login_free(clients[i].login);
            free(clients[i].name);
            clients[i].name = NULL;
            clients[i].client = NULL;
        }
    }
}

static void tell_error(keyfob_error *error) {
    const char *code = keyfob_error_provider_code(error);
    printf("%s\t%" PRId32 "\t%s\t%" PRId64 "\t%d\t%s",
           keyfob_status_name(keyfob_error_status(error)), keyfob_error_http_status(error),
           code ? code : "", keyfob_error_retry_after_ms(error), keyfob_error_is_retriable(error),
           keyfob_error_message(error));
    keyfob_error_free(error);
}

/* Takes a text over and tells it; a line end becomes the end of a field. */
static void tell_text(char *text, keyfob_error *error) {
    if (error) {
        tell_error(error);
        return;
    }
    printf("OK\t");
    for (const char *at = text; at && *at; at++)
        putchar(*at == '\n' ? '\t' : *at);
    keyfob_string_free(text);
}

static void tell_done(keyfob_error *error) {
    if (error)
        tell_error(error);
    else
        printf("OK");
}

static void make_client(char **field, int count) {
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *error = NULL;
    keyfob_config_new(field[2], &config, &error);
    for (int i = 3; !error && i + 1 < count; i += 2)
        keyfob_config_set(config, field[i], field[i + 1], &error);
    if (!error && keyfob_client_new(config, &client, &error) == KEYFOB_OK)
        keep(field[1], client);
    keyfob_config_free(config);
    tell_done(error);
}

struct caller {
    pthread_t thread;
    const keyfob_client *client;
    char *token;
    keyfob_error *error;
};

static void *ask_for_token(void *of) {
    struct caller *caller = of;
    keyfob_client_token(caller->client, &caller->token, &caller->error);
    return NULL;
}

static void tell_tokens(const keyfob_client *client, int count) {
    struct caller callers[MOST_CALLERS] = {{0}};
    keyfob_error *failed = NULL;
    if (count < 1 || count > MOST_CALLERS)
        abort();
    for (int i = 0; i < count; i++) {
        callers[i].client = client;
        if (pthread_create(&callers[i].thread, NULL, ask_for_token, &callers[i]) != 0)
            abort();
    }
    for (int i = 0; i < count; i++) {
        pthread_join(callers[i].thread, NULL);
        if (callers[i].error) {
            keyfob_error_free(failed);
            failed = callers[i].error;
        }
    }
    tell_done(failed);
    for (int i = 0; i < count; i++) {
        if (!failed)
            printf("\t%s", callers[i].token);
        keyfob_string_free(callers[i].token);
    }
}

static void tell_lifetime(const keyfob_client *client) {
    int64_t ms;
    keyfob_error *error;
    keyfob_client_expires_in_ms(client, &ms, &error);
    tell_done(error);
    if (!error && ms == INT64_MAX)
        printf("\tnever");
    else if (!error)
        printf("\t%" PRId64, ms);
}

static void tell_response(const keyfob_client *client, char **field, int count) {
    keyfob_request *request = NULL;
    keyfob_response *response = NULL;
    keyfob_error *error = NULL;
    char *next = NULL;
    keyfob_request_new(field[2], field[3], &request, &error);
    if (!error && count > 4)
        keyfob_request_set_body(request, (const uint8_t *)field[4], strlen(field[4]), &error);
    if (!error)
        keyfob_client_send(client, request, &response, &error);
    if (!error)
        keyfob_response_link(response, "next", &next, &error);
    tell_done(error);
    if (!error)
        printf("\t%d\t%s", (int)keyfob_response_status(response), next ? next : "");
    keyfob_string_free(next);
    keyfob_response_free(response);
    keyfob_request_free(request);
}

static void tell_login(const keyfob_client *client, char **field, int count) {
    keyfob_login **login = login_of(field[1]);
    const char *code;
    keyfob_error *error = NULL;
    keyfob_login_free(*login);
    if (count > 2)
        keyfob_client_login_begin_browser(client, field[2], login, &error);
    else
        keyfob_client_login_begin(client, login, &error);
    tell_done(error);
    code = keyfob_login_user_code(*login);
    if (!error)
        printf("\t%s\t%s", keyfob_login_url(*login), code ? code : "");
}

static void obey(char **field, int count) {
    const char *order = field[0];
    keyfob_client *client = client_named(field[1]);
    keyfob_error *error = NULL;
    char *text = NULL;
    if (strcmp(order, "new") == 0) {
        make_client(field, count);
    } else if (strcmp(order, "token") == 0) {
        tell_tokens(client, atoi(field[2]));
    } else if (strcmp(order, "try_token") == 0) {
        keyfob_client_try_token(client, &text, &error);
        tell_text(text, error);
    } else if (strcmp(order, "headers") == 0) {
        if (count > 2)
            keyfob_client_headers_for(client, field[2], &text, &error);
        else
            keyfob_client_headers(client, &text, &error);
        tell_text(text, error);
    } else if (strcmp(order, "expires_in") == 0) {
        tell_lifetime(client);
    } else if (strcmp(order, "renew") == 0) {
        keyfob_client_renew(client, &error);
        tell_done(error);
    } else if (strcmp(order, "refused") == 0) {
        keyfob_client_refused(client, field[2], &error);
        tell_done(error);
    } else if (strcmp(order, "is_refusal") == 0) {
        printf("OK\t%d", keyfob_client_is_refusal(client, (uint16_t)atoi(field[2]),
                                                  (const uint8_t *)field[3], strlen(field[3])));
    } else if (strcmp(order, "set") == 0) {
        keyfob_client_set(client, field[2], field[3], &error);
        tell_done(error);
    } else if (strcmp(order, "forget") == 0) {
        keyfob_client_forget(client, &error);
        tell_done(error);
    } else if (strcmp(order, "status") == 0) {
        keyfob_client_status_json(client, &text, &error);
        tell_text(text, error);
    } else if (strcmp(order, "answer_member") == 0) {
        keyfob_client_answer_member(client, field[2], &text, &error);
        tell_done(error);
        if (!error)
            printf("\t%d\t%s", text != NULL, text ? text : "");
        keyfob_string_free(text);
    } else if (strcmp(order, "request") == 0) {
        tell_response(client, field, count);
    } else if (strcmp(order, "login_begin") == 0) {
        tell_login(client, field, count);
    } else if (strcmp(order, "login_wait") == 0) {
        keyfob_client_login_wait(client, *login_of(field[1]), strtoll(field[2], NULL, 10), &error);
        tell_done(error);
    } else if (strcmp(order, "login_finish") == 0) {
        keyfob_client_login_finish(client, *login_of(field[1]), field[2], &error);
        tell_done(error);
    } else if (strcmp(order, "wind") == 0) {
        keyfob_client_wind_ms(client, strtoll(field[2], NULL, 10), &error);
        tell_done(error);
    } else if (strcmp(order, "free") == 0) {
        let_go(field[1]);
        tell_done(NULL);
    } else {
        abort();
    }
}

/* Cuts a line at its tabs. What is not there is empty. */
static int split(char *line, char **field) {
    int count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at && count < MOST_FIELDS - 1; count++) {
        field[count] = at;
        at = strchr(at, '\t');
        if (at)
            *at++ = '\0';
    }
    for (int i = count; i < MOST_FIELDS; i++)
        field[i] = "";
    return count;
}

/* Reads a line of any length, as getline does, which Windows lacks; NULL at the end. */
static char *next_line(char **line, size_t *size) {
    size_t length = 0;
    for (;;) {
        if (*size - length < 2)
            *line = realloc(*line, *size += 4096);
        if (!*line || !fgets(*line + length, (int)(*size - length), stdin))
            return NULL;
        length += strlen(*line + length);
        if ((*line)[length - 1] == '\n')
            return *line;
    }
}

int main(void) {
    char *line = NULL;
    size_t size = 0;
    while (next_line(&line, &size)) {
        char *field[MOST_FIELDS];
        obey(field, split(line, field));
        putchar('\n');
        fflush(stdout);
    }
    free(line);
    return 0;
}
