/* What cloud.h promises: an account's options from the environment, orders over plain HTTP. */
#define _POSIX_C_SOURCE 200809L
#include "cloud.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* What goes wrong here is the test machinery's fault, not keyfob's. */
static void give_up(const char *what) {
    perror(what);
    abort();
}

const char *setting(const char *name) {
    const char *value = getenv(name);
    if (value == NULL)
        give_up(name);
    return value;
}

keyfob_config *config_of(const char *account) {
    char provider[32];
    size_t length = strcspn(account, "_");
    keyfob_config *config = NULL;
    for (size_t i = 0; i < length; i++)
        provider[i] = (char)tolower((unsigned char)account[i]);
    provider[length] = '\0';
    CHECK_OK(keyfob_config_new(provider, &config, &err));
    CHECK_OK(keyfob_config_load_env(config, account, &err));
    if (config == NULL)
        give_up(account);
    return config;
}

keyfob_client *client_of(const char *account) {
    keyfob_config *config = config_of(account);
    keyfob_client *client = NULL;
    CHECK_OK(keyfob_client_new(config, &client, &err));
    keyfob_config_free(config);
    if (client == NULL)
        give_up(account);
    return client;
}

const char *api_url(const char *account, const char *path) {
    static char urls[4][512];
    static unsigned next;
    char name[64];
    char *url = urls[next++ % 4];
    snprintf(name, sizeof name, "%s_API_URL", account);
    snprintf(url, sizeof urls[0], "%s%s", setting(name), path);
    return url;
}

static int connect_control(void) {
    struct sockaddr_in address = {0};
    int control = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_port = htons((unsigned short)atoi(setting("SIMULATOR_PORT")));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(control, (struct sockaddr *)&address, sizeof address) != 0)
        give_up("the simulator's control port");
    return control;
}

static void write_whole(int to, const char *text) {
    size_t length = strlen(text);
    while (length > 0) {
        ssize_t written = write(to, text, length);
        if (written <= 0)
            give_up("the simulator's control port");
        text += written;
        length -= (size_t)written;
    }
}

/* The whole answer, to be freed. */
static char *read_whole(int from) {
    size_t length = 0, capacity = 1 << 16;
    char *text = malloc(capacity);
    for (;;) {
        ssize_t got = read(from, text + length, capacity - length - 1);
        if (got < 0)
            give_up("the simulator's control port");
        length += (size_t)got;
        text[length] = '\0';
        if (got == 0)
            return text;
        if (length + 1 == capacity)
            text = realloc(text, capacity *= 2);
    }
}

static char *ask(const char *method, const char *path, const char *body) {
    char head[256];
    char *answer;
    int control = connect_control();
    snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: control\r\nContent-Length: %lu\r\n\r\n",
             method, path, (unsigned long)strlen(body));
    write_whole(control, head);
    write_whole(control, body);
    answer = read_whole(control);
    close(control);
    if (strncmp(answer, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "%s %s %s: %s\n", method, path, body, answer);
        abort();
    }
    return answer;
}

void tell(const char *path, const char *json) {
    free(ask("POST", path, json));
}

char *told(const char *path, const char *json, const char *member) {
    char name[64];
    char *answer = ask("POST", path, json), *value, *end;
    snprintf(name, sizeof name, "\"%s\":\"", member);
    value = strstr(answer, name);
    end = value == NULL ? NULL : strchr(value += strlen(name), '"');
    if (end == NULL)
        give_up(member);
    *end = '\0';
    value = strdup(value);
    free(answer);
    return value;
}

/* How often a text stands in what the control port answers. */
static int occurrences(const char *path, const char *text) {
    char *answer = ask("GET", path, "");
    int count = 0;
    for (char *at = answer; (at = strstr(at, text)) != NULL; at++)
        count++;
    free(answer);
    return count;
}

int calls(const char *cloud, const char *call) {
    char path[128];
    snprintf(path, sizeof path, "/journal?cloud=%s&call=%s", cloud, call);
    return occurrences(path, "\"tls_resumed\":");
}

int resumed(const char *cloud) {
    char path[128];
    snprintf(path, sizeof path, "/journal?cloud=%s", cloud);
    return occurrences(path, "\"tls_resumed\":true");
}

int connections(const char *cloud) {
    char name[64];
    char *counts = ask("GET", "/counts", ""), *at;
    int count;
    snprintf(name, sizeof name, "\"%s\":", cloud);
    at = strstr(counts, name);
    at = at == NULL ? NULL : strstr(at, "\"connections\":");
    if (at == NULL)
        give_up(cloud);
    count = atoi(at + strlen("\"connections\":"));
    free(counts);
    return count;
}

void reset(void) {
    tell("/reset", "");
}

void wind(keyfob_client *client, int seconds) {
    char order[64];
    snprintf(order, sizeof order, "{\"seconds\": %d}", seconds);
    tell("/wind", order);
    CHECK_OK(keyfob_client_wind_ms(client, seconds * INT64_C(1000), &err));
}

int fetch(const keyfob_client *client, const char *method, const char *url, int32_t *status) {
    keyfob_request *request = NULL;
    keyfob_response *response = NULL;
    int answered;
    *status = keyfob_request_new(method, url, &request, NULL);
    if (*status == KEYFOB_OK)
        *status = keyfob_client_send(client, request, &response, NULL);
    answered = keyfob_response_status(response);
    keyfob_response_free(response);
    keyfob_request_free(request);
    return answered;
}
