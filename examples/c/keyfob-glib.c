/* keyfob-glib: a glib program that learns of each new token in its main loop, and blocks nowhere.
 *
 * usage: keyfob-glib PROVIDER [TOKENS]     options from KEYFOB_... in the environment
 *
 * With background_renewal a thread of the library's own renews, so asking for the token never waits for
 * the cloud once there is one. Ends after so many tokens.
 */
#include <glib-unix.h>
#include <glib.h>
#include <keyfob.h>
#include <stdio.h>
#include <stdlib.h>

struct gateway {
    keyfob_client *client;
    GMainLoop *loop;
    uint64_t known, number;
    int left;
};

static gboolean on_news(gint fd, GIOCondition condition, gpointer data)
{
    struct gateway *gateway = data;
    uint64_t number;
    char *token = NULL;
    (void)fd, (void)condition;
    /* Clears the descriptor. What happened may be a hold or a pause, too. */
    if (keyfob_client_wait(gateway->client, gateway->known, 0, &gateway->known, NULL) != KEYFOB_OK)
        return G_SOURCE_REMOVE;
    number = keyfob_client_fresh_number(gateway->client);
    if (number == 0 || number == gateway->number ||
        keyfob_client_try_token(gateway->client, &token, NULL) != KEYFOB_OK)
        return G_SOURCE_CONTINUE;
    gateway->number = number;
    printf("a token\n");
    fflush(stdout);
    keyfob_string_free(token);
    if (--gateway->left > 0)
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(gateway->loop);
    return G_SOURCE_REMOVE;
}

/* The first token means waiting for the cloud: on a thread of its own. It is news, and comes by the
 * descriptor. */
static gpointer log_in(gpointer data)
{
    struct gateway *gateway = data;
    char *token = NULL;
    keyfob_error *err = NULL;
    if (keyfob_client_token(gateway->client, &token, &err) != KEYFOB_OK) {
        fprintf(stderr, "%s\n", keyfob_error_message(err));
        exit(1);
    }
    keyfob_string_free(token);
    return NULL;
}

int main(int argc, char **argv)
{
    struct gateway gateway = {NULL, NULL, 0, 0, argc > 2 ? atoi(argv[2]) : 1 << 30};
    keyfob_config *config = NULL;
    keyfob_error *err = NULL;
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
        GThread *login;
        gateway.loop = g_main_loop_new(NULL, FALSE);
        g_unix_fd_add(fd, G_IO_IN, on_news, &gateway);
        login = g_thread_new("log in", log_in, &gateway);
        g_main_loop_run(gateway.loop);
        g_thread_join(login);
        g_main_loop_unref(gateway.loop);
        failed = 0;
    } else {
        fprintf(stderr, "%s\n", keyfob_error_message(err));
    }
    keyfob_error_free(err);
    keyfob_client_free(gateway.client); /* the loop no longer looks at the descriptor */
    keyfob_config_free(config);
    return failed;
}
