/* keyfob-uv: a libuv program that learns of each new token in its loop, and blocks nowhere.
 *
 * usage: keyfob-uv PROVIDER [TOKENS]     options from KEYFOB_... in the environment
 *
 * With background_renewal a thread of the library's own renews, so asking for the token never waits for
 * the cloud once there is one. Ends after so many tokens.
 */
#include <keyfob.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct gateway {
    keyfob_client *client;
    uint64_t known, number;
    int left;
};

static void on_news(uv_poll_t *poll, int status, int events)
{
    struct gateway *gateway = poll->data;
    uint64_t number;
    char *token = NULL;
    (void)status, (void)events;
    /* Clears the descriptor. What happened may be a hold or a pause, too. */
    if (keyfob_client_wait(gateway->client, gateway->known, 0, &gateway->known, NULL) != KEYFOB_OK)
        return;
    number = keyfob_client_fresh_number(gateway->client);
    if (number == 0 || number == gateway->number ||
        keyfob_client_try_token(gateway->client, &token, NULL) != KEYFOB_OK)
        return;
    gateway->number = number;
    printf("a token\n");
    fflush(stdout);
    keyfob_string_free(token);
    if (--gateway->left == 0)
        uv_poll_stop(poll);
}

/* The first token means waiting for the cloud: on a thread of libuv's pool. */
static void log_in(uv_work_t *work)
{
    struct gateway *gateway = work->data;
    char *token = NULL;
    keyfob_error *err = NULL;
    if (keyfob_client_token(gateway->client, &token, &err) != KEYFOB_OK) {
        fprintf(stderr, "%s\n", keyfob_error_message(err));
        exit(1);
    }
    keyfob_string_free(token);
}

static void logged_in(uv_work_t *work, int status)
{
    (void)work, (void)status; /* the token is news, and came by the descriptor */
}

int main(int argc, char **argv)
{
    struct gateway gateway = {NULL, 0, 0, argc > 2 ? atoi(argv[2]) : 1 << 30};
    keyfob_config *config = NULL;
    keyfob_error *err = NULL;
    uv_poll_t news;
    uv_work_t login;
    int32_t fd = -1, failed = 1;

    if (argc < 2) {
        fprintf(stderr, "usage: %s PROVIDER [TOKENS]\n", argv[0]);
        return 2;
    }
    if (keyfob_config_new(argv[1], &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "KEYFOB", &err) == KEYFOB_OK &&
        keyfob_config_set(config, "background_renewal", "true", &err) == KEYFOB_OK &&
        keyfob_client_new(config, &gateway.client, &err) == KEYFOB_OK &&
        keyfob_client_event_fd(gateway.client, &fd, &err) == KEYFOB_OK) {
        news.data = login.data = &gateway;
        uv_poll_init(uv_default_loop(), &news, fd);
        uv_poll_start(&news, UV_READABLE, on_news);
        uv_queue_work(uv_default_loop(), &login, log_in, logged_in);
        uv_run(uv_default_loop(), UV_RUN_DEFAULT);
        failed = 0;
    } else {
        fprintf(stderr, "%s\n", keyfob_error_message(err));
    }
    keyfob_error_free(err);
    keyfob_client_free(gateway.client); /* the loop no longer looks at the descriptor */
    keyfob_config_free(config);
    return failed;
}
