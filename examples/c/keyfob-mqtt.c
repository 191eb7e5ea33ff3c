/* keyfob-mqtt: a gateway that keeps its MQTT session while the tokens it connects with come and go.
 *
 * usage: keyfob-mqtt PROVIDER HOST PORT [CONNECTIONS]     options from KEYFOB_... in the environment
 *
 * One thread waits for the broker and for another token at once. The session is a persistent one, so
 * nothing that is published meanwhile is lost between two connections. Ends after so many connections.
 */
#include <keyfob.h>
#include <mosquitto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_connect(struct mosquitto *broker, void *count, int refused)
{
    if (refused)
        return;
    printf("connected %d\n", ++*(int *)count);
    fflush(stdout);
    mosquitto_subscribe(broker, NULL, "gateways/gw-1/commands", 1);
    mosquitto_publish(broker, NULL, "gateways/gw-1/state", 6, "online", 1, true);
}

static void on_message(struct mosquitto *broker, void *count, const struct mosquitto_message *message)
{
    (void)broker, (void)count;
    printf("heard %.*s\n", message->payloadlen, (const char *)message->payload);
    fflush(stdout);
}

/* Connects with the token that is good now, renewed where that is due. A broker looks at it when a client
 * connects, and never again: while it is the same, and the connection lives, there is nothing to do. */
static keyfob_status connect_with_token(struct mosquitto *broker, const keyfob_client *client, char **argv,
                                        char **last, keyfob_error **err)
{
    char *token = NULL;
    keyfob_status status = keyfob_client_token(client, &token, err);
    if (status != KEYFOB_OK)
        return status;
    if (*last != NULL && strcmp(*last, token) == 0 && mosquitto_socket(broker) >= 0) {
        keyfob_string_free(token);
        return KEYFOB_OK;
    }
    keyfob_string_free(*last);
    *last = token;
    mosquitto_disconnect(broker);
    mosquitto_username_pw_set(broker, "gw-1", token);
    if (mosquitto_connect(broker, argv[2], atoi(argv[3]), 60) != MOSQ_ERR_SUCCESS)
        fprintf(stderr, "the broker at %s:%s does not answer\n", argv[2], argv[3]);
    return KEYFOB_OK;
}

static keyfob_status run(const keyfob_client *client, struct mosquitto *broker, char **argv, int most,
                         const int *connections, keyfob_error **err)
{
    uint64_t known = 0;
    int32_t news = -1;
    char *last = NULL;
    keyfob_status status = keyfob_client_event_fd(client, &news, err);
    while (status == KEYFOB_OK && *connections < most) {
        struct pollfd looked[2];
        /* First what is new is heard, which clears the descriptor; then the token is asked for. */
        status = keyfob_client_wait(client, known, 0, &known, err);
        if (status == KEYFOB_OK)
            status = connect_with_token(broker, client, argv, &last, err);
        if (status != KEYFOB_OK)
            break;
        do {
            looked[0].fd = news;
            looked[0].events = POLLIN;
            looked[1].fd = mosquitto_socket(broker);
            looked[1].events = (short)(POLLIN | (mosquitto_want_write(broker) ? POLLOUT : 0));
            looked[0].revents = looked[1].revents = 0;
            poll(looked, 2, 1000);
            if (looked[1].revents & POLLOUT)
                mosquitto_loop_write(broker, 1);
            if (looked[1].revents & (POLLIN | POLLHUP))
                mosquitto_loop_read(broker, 1);
            mosquitto_loop_misc(broker);
        } while (!(looked[0].revents & POLLIN) && mosquitto_socket(broker) >= 0 && *connections < most);
    }
    keyfob_string_free(last);
    return status;
}

int main(int argc, char **argv)
{
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    int connections = 0, failed = 1;
    struct mosquitto *broker;

    if (argc < 4) {
        fprintf(stderr, "usage: %s PROVIDER HOST PORT [CONNECTIONS]\n", argv[0]);
        return 2;
    }
    mosquitto_lib_init();
    broker = mosquitto_new("gw-1", false, &connections);
    if (broker == NULL)
        return 1;
    mosquitto_connect_callback_set(broker, on_connect);
    mosquitto_message_callback_set(broker, on_message);
    if (keyfob_config_new(argv[1], &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "KEYFOB", &err) == KEYFOB_OK &&
        keyfob_client_new(config, &client, &err) == KEYFOB_OK &&
        run(client, broker, argv, argc > 4 ? atoi(argv[4]) : 1 << 30, &connections, &err) == KEYFOB_OK)
        failed = 0;
    else
        fprintf(stderr, "%s\n", keyfob_error_message(err));
    mosquitto_disconnect(broker);
    mosquitto_destroy(broker);
    mosquitto_lib_cleanup();
    keyfob_error_free(err);
    keyfob_client_free(client);
    keyfob_config_free(config);
    return failed;
}
