/* What misuse.h promises. */
#define _POSIX_C_SOURCE 200809L
#include "misuse.h"

#include <unistd.h>

static const char ACCOUNT[] = "KONTAKT_PASSWORD";
enum { MEGABYTE = 1 << 20, LONGEST_MESSAGE = 1000 };

struct world world;

keyfob_config *another_keyfob_config(void) {
    return config_of(ACCOUNT);
}

keyfob_client *another_keyfob_client(void) {
    return client_of(ACCOUNT);
}

keyfob_request *another_keyfob_request(void) {
    keyfob_request *request = NULL;
    CHECK_OK(keyfob_request_new("GET", "/status/200", &request, &err));
    return request;
}

keyfob_response *another_keyfob_response(void) {
    keyfob_response *response = NULL;
    CHECK_OK(keyfob_client_send(world.client, world.request, &response, &err));
    return response;
}

static keyfob_client *client_with_mqtt(void) {
    static const char DEVICE[] =
        "{\"product_key\": \"pk\", \"device_name\": \"dn\", \"device_secret\": \"secret\"}";
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    CHECK_OK(keyfob_config_new("aliyun-iot", &config, &err));
    CHECK_OK(keyfob_config_load_json(config, DEVICE, &err));
    CHECK_OK(keyfob_client_new(config, &client, &err));
    keyfob_config_free(config);
    return client;
}

keyfob_mqtt *another_keyfob_mqtt(void) {
    keyfob_mqtt *mqtt = NULL;
    CHECK_OK(keyfob_client_mqtt(world.mqtt_client, &mqtt, &err));
    return mqtt;
}

static keyfob_client *client_with_login(void) {
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    CHECK_OK(keyfob_config_new("oauth2", &config, &err));
    CHECK_OK(keyfob_config_set(config, "issuer", setting("OAUTH2_PASSWORD_BASE_URL"), &err));
    CHECK_OK(keyfob_config_set(config, "ca_file", setting("OAUTH2_PASSWORD_CA_FILE"), &err));
    CHECK_OK(keyfob_config_set(config, "client_id", "kiosk-3", &err));
    CHECK_OK(keyfob_client_new(config, &client, &err));
    keyfob_config_free(config);
    return client;
}

keyfob_login *another_keyfob_login(void) {
    keyfob_login *login = NULL;
    CHECK_OK(keyfob_client_login_begin(world.login_client, &login, &err));
    return login;
}

/* A login in a browser, which has come back. */
static keyfob_login *visited_login(void) {
    keyfob_login *login = NULL;
    char order[2048];
    CHECK_OK(keyfob_client_login_begin_browser(world.login_client, "http://127.0.0.1:8400/", &login,
                                               &err));
    snprintf(order, sizeof order, "{\"answer\": \"approve\", \"url\": \"%s\"}",
             keyfob_login_url(login));
    world.answer = told("/visit", order, "location");
    return login;
}

/* One that a person has allowed already: to wait for it again ends at once. */
static keyfob_login *allowed_login(void) {
    keyfob_login *login = another_keyfob_login();
    tell("/consent", "{\"answer\": \"approve\"}");
    tell("/wind", "{\"seconds\": 5}");
    CHECK_OK(keyfob_client_wind_ms(world.login_client, 5000, &err));
    CHECK_OK(keyfob_client_login_wait(world.login_client, login, 0, &err));
    return login;
}

keyfob_error *another_keyfob_error(void) {
    keyfob_config *config;
    keyfob_error *err = NULL;
    CHECK(keyfob_config_new("nobody", &config, &err) == KEYFOB_UNKNOWN_PROVIDER);
    return err;
}

char *another_char(void) {
    char *token = NULL;
    CHECK_OK(keyfob_client_token(world.client, &token, &err));
    return token;
}

static void write_options_file(void) {
    int file;
    snprintf(world.options_file, sizeof world.options_file, "/tmp/keyfob-test-XXXXXX");
    file = mkstemp(world.options_file);
    CHECK(file >= 0 && write(file, "{}", 2) == 2);
    close(file);
    snprintf(world.download, sizeof world.download, "%s.download", world.options_file);
}

void begin_world(void) {
    reset();
    world.config = another_keyfob_config();
    world.client = another_keyfob_client();
    world.request = another_keyfob_request();
    world.response = another_keyfob_response();
    world.mqtt_client = client_with_mqtt();
    world.mqtt = another_keyfob_mqtt();
    world.login_client = client_with_login();
    world.login = allowed_login();
    world.browser_login = visited_login();
    world.error = another_keyfob_error();
    world.megabyte = malloc(MEGABYTE + 1);
    memset(world.megabyte, 'a', MEGABYTE);
    world.megabyte[MEGABYTE] = '\0';
    write_options_file();
}

void end_world(void) {
    unlink(world.options_file);
    unlink(world.download);
    free(world.megabyte);
    keyfob_error_free(world.error);
    keyfob_login_free(world.browser_login);
    keyfob_login_free(world.login);
    keyfob_client_free(world.login_client);
    free(world.answer);
    keyfob_mqtt_free(world.mqtt);
    keyfob_client_free(world.mqtt_client);
    keyfob_response_free(world.response);
    keyfob_request_free(world.request);
    keyfob_client_free(world.client);
    keyfob_config_free(world.config);
}

void check_message(const char *file, int line, const keyfob_error *err, const char *words) {
    const char *message = keyfob_error_message(err);
    if (message[0] == '\0' || strchr(message, '\n') != NULL || strlen(message) > LONGEST_MESSAGE)
        check_failed(file, line, "a message must be a line of at most 1000 bytes", message);
    if (strstr(message, words) == NULL)
        check_failed(file, line, words, message);
    if (strstr(message, "armed by a test") != NULL)
        check_failed(file, line, "a panic's text must be withheld", message);
}

static void check(const char *file, int line, int holds, const char *what) {
    if (!holds)
        check_failed(file, line, "after the call", what);
}

void check_world(const char *file, int line) {
    char *text = NULL;
    size_t len;
    check(file, line, keyfob_config_get(world.config, "username", &text, NULL) == KEYFOB_OK,
          "the config is broken");
    keyfob_string_free(text);
    check(file, line, keyfob_client_token(world.client, &text, NULL) == KEYFOB_OK,
          "the client is broken");
    keyfob_string_free(text);
    check(file, line, keyfob_request_set_timeout_ms(world.request, 0, NULL) == KEYFOB_OK,
          "the request is broken");
    check(file, line, keyfob_response_body(world.response, &len) != NULL && len > 0,
          "the response is broken");
    check(file, line, keyfob_mqtt_password(world.mqtt) != NULL, "what MQTT is told is broken");
    check(file, line, keyfob_login_user_code(world.login) != NULL, "the login is broken");
    check(file, line, keyfob_error_status(world.error) == KEYFOB_UNKNOWN_PROVIDER,
          "the error is broken");
}

void ignore_line(int32_t level, const char *line, void *user_data) {
    (void)level, (void)line, (void)user_data;
}

int64_t read_a_body(uint8_t *buffer, size_t capacity, void *user_data) {
    (void)user_data;
    memset(buffer, 'b', capacity < 4 ? capacity : 4);
    return capacity < 4 ? (int64_t)capacity : 4;
}

int32_t rewind_a_body(void *user_data) {
    (void)user_data;
    return KEYFOB_OK;
}

bool ignore_progress(uint64_t done, int64_t total, void *user_data) {
    (void)done, (void)total, (void)user_data;
    return true;
}

int32_t load_nothing(const char *name, keyfob_record *record, void *user_data) {
    (void)name, (void)record, (void)user_data;
    return KEYFOB_OK;
}

int32_t save_nowhere(const char *name, const uint8_t *data, size_t len, void *user_data) {
    (void)name, (void)data, (void)len, (void)user_data;
    return KEYFOB_OK;
}

int32_t take_no_lock(const char *name, void *user_data) {
    (void)name, (void)user_data;
    return KEYFOB_OK;
}

void give_no_lock(const char *name, void *user_data) {
    (void)name, (void)user_data;
}

int32_t save_nowhere2(const char *name, const uint8_t *data, size_t len, uint64_t fence, void *user_data) {
    (void)fence;
    return save_nowhere(name, data, len, user_data);
}

int32_t take_no_lock2(const char *name, uint64_t lease_ms, uint64_t *fence, void *user_data) {
    (void)lease_ms;
    *fence = 1;
    return take_no_lock(name, user_data);
}

int32_t prolong_no_lock(const char *name, uint64_t fence, uint64_t lease_ms, void *user_data) {
    (void)fence, (void)lease_ms;
    return take_no_lock(name, user_data);
}

void give_no_lock2(const char *name, uint64_t fence, void *user_data) {
    (void)fence;
    give_no_lock(name, user_data);
}

int32_t wait_for_nothing(const char *name, uint64_t wait_ms, void *user_data) {
    (void)name, (void)wait_ms, (void)user_data;
    return KEYFOB_TIMEOUT;
}

struct test {
    const char *name;
    void (*run)(void);
    int times;
};

static int32_t load_a_test(const char *name, keyfob_record *record, void *user_data) {
    struct test *test = user_data;
    (void)name;
    world.record = record;
    if (test->times++ == 0)
        run_test(test->name, test->run);
    return KEYFOB_WOULD_BLOCK; /* whatever the test made of the record is not looked at */
}

void run_within_a_load(const char *name, void (*run)(void)) {
    struct test test = {name, run, 0};
    keyfob_config *config = another_keyfob_config();
    keyfob_client *client = NULL;
    CHECK_OK(keyfob_config_set_store(config, load_a_test, save_nowhere, NULL, NULL, &test, &err));
    CHECK_OK(keyfob_client_new(config, &client, &err));
    CHECK(test.times > 0);
    keyfob_client_free(client);
    keyfob_config_free(config);
}
