/* Requests through the C ABI: answers are responses, whatever they say; origins are guarded. */
#include "cloud.h"

static const char ACCOUNT[] = "KONTAKT_PASSWORD";

static keyfob_request *request_to(const char *method, const char *url) {
    keyfob_request *request = NULL;
    CHECK_OK(keyfob_request_new(method, url, &request, &err));
    return request;
}

static keyfob_response *send(const keyfob_client *client, const keyfob_request *request) {
    keyfob_response *response = NULL;
    CHECK_OK(keyfob_client_send(client, request, &response, &err));
    return response;
}

static int body_has(const keyfob_response *response, const char *text) {
    size_t len = 0;
    const uint8_t *body = keyfob_response_body(response, &len);
    for (size_t i = 0; i + strlen(text) <= len; i++)
        if (memcmp(body + i, text, strlen(text)) == 0)
            return 1;
    return 0;
}

static void every_answer_is_a_response(void) {
    static const int STATUSES[] = {200, 201, 204, 304, 400, 403, 404, 409, 410, 500, 501};
    keyfob_client *client = client_of(ACCOUNT);
    for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++) {
        char path[32];
        int32_t status;
        snprintf(path, sizeof path, "/status/%d", STATUSES[i]);
        CHECK(fetch(client, "GET", api_url(ACCOUNT, path), &status) == STATUSES[i]);
        CHECK(status == KEYFOB_OK);
    }
    keyfob_client_free(client);
}

static void what_is_created_may_be_created_again_and_deleted(void) {
    keyfob_client *client = client_of(ACCOUNT);
    keyfob_request *request = request_to("POST", api_url(ACCOUNT, "/things"));
    static const int EXPECTED[] = {201, 200};
    int32_t status;
    CHECK_OK(keyfob_request_set_body(request, (const uint8_t *)"{\"id\": \"gw-7\"}", 14, &err));
    for (size_t i = 0; i < 2; i++) {
        keyfob_response *response = send(client, request);
        CHECK(keyfob_response_status(response) == EXPECTED[i]);
        CHECK_TEXT(keyfob_response_header(response, "LOCATION"), "/things/gw-7");
        keyfob_response_free(response);
    }
    keyfob_request_free(request);
    CHECK(fetch(client, "DELETE", api_url(ACCOUNT, "/things/gw-7"), &status) == 204);
    keyfob_client_free(client);
}

static void an_answer_without_a_body_has_none(void) {
    keyfob_client *client = client_of(ACCOUNT);
    keyfob_request *request = request_to("GET", api_url(ACCOUNT, "/status/204"));
    keyfob_response *response = send(client, request);
    size_t len = 99;
    CHECK(keyfob_response_status(response) == 204);
    keyfob_response_body(response, &len);
    CHECK(len == 0);
    keyfob_response_free(response);
    keyfob_request_free(request);
    keyfob_client_free(client);
}

static void method_headers_query_and_body_arrive_as_they_were_set(void) {
    static const uint8_t BODY[] = "bytes \xc3\xa9 to keep";
    keyfob_client *client = client_of("SIMACAN_PASSWORD");
    keyfob_request *request = request_to("PUT", api_url("SIMACAN_PASSWORD", "/echo?first=1"));
    keyfob_response *response;
    CHECK_OK(keyfob_request_set_header(request, "X-Gateway", "former", &err));
    CHECK_OK(keyfob_request_set_header(request, "x-gateway", "gw 7", &err));
    CHECK_OK(keyfob_request_set_header(request, "Content-Type", "text/plain", &err));
    CHECK_OK(keyfob_request_add_query(request, "na me", "a&b=c", &err));
    CHECK_OK(keyfob_request_set_body(request, BODY, sizeof BODY - 1, &err));
    response = send(client, request);
    CHECK(keyfob_response_status(response) == 200);
    CHECK(body_has(response, "\"PUT\""));
    CHECK(body_has(response, "\"gw 7\""));
    CHECK(!body_has(response, "former"));
    CHECK(body_has(response, "\"text/plain\""));
    CHECK(body_has(response, "first=1&na%20me=a%26b%3Dc"));
    CHECK(body_has(response, "bytes \xc3\xa9 to keep"));
    keyfob_response_free(response);
    keyfob_request_free(request);
    keyfob_client_free(client);
}

static void a_relative_url_is_below_the_base(void) {
    keyfob_client *client = client_of(ACCOUNT);
    int32_t status;
    CHECK(fetch(client, "GET", "status/200", &status) == 200);
    CHECK(fetch(client, "GET", "/status/200", &status) == 200);
    keyfob_client_free(client);
}

static void a_request_is_sent_as_often_as_wanted(void) {
    keyfob_client *client = client_of(ACCOUNT);
    keyfob_request *request = request_to("GET", api_url(ACCOUNT, "/status/200"));
    for (int i = 0; i < 3; i++) {
        keyfob_response *response = send(client, request);
        CHECK(keyfob_response_status(response) == 200);
        keyfob_response_free(response);
    }
    CHECK(calls("kontakt", "login") == 1);
    keyfob_request_free(request);
    keyfob_client_free(client);
}

static void headers_are_found_by_name_and_in_turn(void) {
    keyfob_client *client = client_of(ACCOUNT);
    keyfob_request *request = request_to("GET", api_url(ACCOUNT, "/status/200"));
    keyfob_response *response = send(client, request);
    size_t count = 0;
    const char *name, *value;
    CHECK_TEXT(keyfob_response_header(response, "CONTENT-TYPE"), "application/json");
    CHECK(keyfob_response_header(response, "X-None") == NULL);
    while ((name = keyfob_response_header_at(response, count, &value)) != NULL) {
        CHECK(value != NULL);
        CHECK(keyfob_response_header(response, name) != NULL);
        count++;
    }
    CHECK(count > 1 && value == NULL);
    CHECK(keyfob_response_header_at(response, 0, NULL) != NULL);
    keyfob_response_free(response);
    keyfob_request_free(request);
    keyfob_client_free(client);
}

static void pages_are_followed_by_each_clouds_links(void) {
    static const char *const ACCOUNTS[] = {"KONTAKT_PASSWORD", "IOTCONNECT_PASSWORD", "KII_USER",
                                           "SIMACAN_PASSWORD"};
    for (size_t i = 0; i < 4; i++) {
        keyfob_client *client = client_of(ACCOUNTS[i]);
        char name[64], *url = NULL;
        int pages = 0;
        snprintf(name, sizeof name, "%s_DEVICES", ACCOUNTS[i]);
        for (const char *at = api_url(ACCOUNTS[i], setting(name)); at != NULL; pages++) {
            keyfob_request *request = request_to("GET", at);
            keyfob_response *response = send(client, request);
            keyfob_string_free(url);
            url = NULL;
            CHECK(keyfob_response_status(response) == 200);
            CHECK_OK(keyfob_response_link(response, "next", &url, &err));
            at = url;
            keyfob_response_free(response);
            keyfob_request_free(request);
        }
        CHECK(pages == 3);
        keyfob_client_free(client);
    }
}

static void there_is_no_link_where_there_is_none(void) {
    keyfob_client *client = client_of(ACCOUNT);
    keyfob_request *request = request_to("GET", api_url(ACCOUNT, "/status/200"));
    keyfob_response *response = send(client, request);
    char stale, *url = &stale;
    CHECK_OK(keyfob_response_link(response, "next", &url, &err));
    CHECK(url == NULL);
    keyfob_response_free(response);
    keyfob_request_free(request);
    keyfob_client_free(client);
}

static void no_other_origin_sees_the_token(void) {
    keyfob_client *client = client_of(ACCOUNT);
    int32_t status;
    CHECK(fetch(client, "GET", "https://example.com/devices", &status) == 0);
    CHECK(status == KEYFOB_FOREIGN_ORIGIN);
    CHECK(fetch(client, "GET", api_url("SIMACAN_PASSWORD", "/status/200"), &status) == 0);
    CHECK(status == KEYFOB_FOREIGN_ORIGIN);
    CHECK(calls("kontakt", "login") == 0); /* refused before a token is asked for */
    CHECK(calls("simacan", "api") == 0);
    keyfob_client_free(client);
}

static void plain_http_is_for_this_machine_only(void) {
    keyfob_client *client = client_of(ACCOUNT);
    int32_t status;
    CHECK(fetch(client, "GET", "http://example.com/devices", &status) == 0);
    CHECK(status == KEYFOB_INSECURE_URL);
    CHECK_STATUS(KEYFOB_INSECURE_URL,
                 keyfob_client_set(client, "base_url", "http://example.com", &err));
    keyfob_client_free(client);
}

static void the_token_and_the_connection_have_headers_of_their_own(void) {
    keyfob_client *client = client_of(ACCOUNT);
    keyfob_request *request = request_to("GET", api_url(ACCOUNT, "/echo"));
    keyfob_response *response = NULL;
    CHECK_STATUS(KEYFOB_INVALID_ARGUMENT,
                 keyfob_request_set_header(request, "Host", "example.com", &err));
    CHECK_STATUS(KEYFOB_INVALID_ARGUMENT,
                 keyfob_request_set_header(request, "X-A", "1\r\nX-B: 2", &err));
    CHECK_OK(keyfob_request_set_header(request, "Authorization", "Bearer mine", &err));
    CHECK_STATUS(KEYFOB_INVALID_ARGUMENT, keyfob_client_send(client, request, &response, &err));
    CHECK(response == NULL);
    keyfob_request_free(request);
    keyfob_client_free(client);
}

static void a_url_that_is_too_long_is_refused_and_a_long_header_is_sent(void) {
    keyfob_client *client = client_of("SIMACAN_PASSWORD");
    keyfob_request *request = request_to("GET", api_url("SIMACAN_PASSWORD", "/echo"));
    keyfob_response *response;
    char *text = malloc(1 << 20);
    memset(text, 'a', (1 << 20) - 1);
    text[60000] = '\0';
    CHECK_OK(keyfob_request_set_header(request, "X-Long", text, &err));
    response = send(client, request);
    CHECK(body_has(response, text));
    keyfob_response_free(response);
    text[60000] = 'a';
    text[(1 << 20) - 1] = '\0';
    CHECK_OK(keyfob_request_add_query(request, "q", text, &err));
    CHECK_STATUS(KEYFOB_INVALID_ARGUMENT, keyfob_client_send(client, request, &response, &err));
    CHECK(response == NULL);
    free(text);
    keyfob_request_free(request);
    keyfob_client_free(client);
}

static void an_early_death_of_the_token_is_not_the_callers_to_see(void) {
    static const char *const ACCOUNTS[] = {"KONTAKT_PASSWORD", "IOTCONNECT_PASSWORD", "KII_USER",
                                           "SIMACAN_PASSWORD"};
    for (size_t i = 0; i < 4; i++) {
        keyfob_client *client = client_of(ACCOUNTS[i]);
        int32_t status;
        CHECK(fetch(client, "GET", api_url(ACCOUNTS[i], "/status/200"), &status) == 200);
        tell("/revoke", "{\"what\": \"access\"}");
        CHECK(fetch(client, "GET", api_url(ACCOUNTS[i], "/status/200"), &status) == 200);
        keyfob_client_free(client);
    }
}

static void a_request_has_a_limit_of_its_own(void) {
    keyfob_client *client = client_of(ACCOUNT);
    keyfob_request *request = request_to("GET", api_url(ACCOUNT, "/status/200"));
    keyfob_response *response = NULL;
    int32_t status;
    CHECK(fetch(client, "GET", api_url(ACCOUNT, "/status/200"), &status) == 200);
    tell("/inject", "{\"cloud\": \"kontakt\", \"call\": \"api\", \"fault\": \"stall:within-body\"}");
    CHECK_OK(keyfob_request_set_timeout_ms(request, 50, &err));
    CHECK_STATUS(KEYFOB_TIMEOUT, keyfob_client_send(client, request, &response, &err));
    CHECK(response == NULL);
    tell("/clear", "{\"what\": \"injections\"}");
    CHECK(fetch(client, "GET", api_url(ACCOUNT, "/status/200"), &status) == 200);
    keyfob_request_free(request);
    keyfob_client_free(client);
}

static void a_post_that_may_have_been_done_is_not_repeated_unless_marked(void) {
    static const struct {
        bool idempotent;
        int32_t expected;
        int sent;
    } CASES[] = {{false, KEYFOB_NETWORK, 1}, {true, KEYFOB_OK, 2}};
    for (size_t i = 0; i < 2; i++) {
        keyfob_client *client = client_of(ACCOUNT);
        keyfob_request *request = request_to("POST", api_url(ACCOUNT, "/things"));
        keyfob_response *response = NULL;
        reset();
        tell("/inject", "{\"cloud\": \"kontakt\", \"call\": \"api\", \"times\": 1,"
                        " \"fault\": \"reset:before-headers:executed\"}");
        CHECK_OK(keyfob_request_set_idempotent(request, CASES[i].idempotent, &err));
        CHECK_STATUS(CASES[i].expected, keyfob_client_send(client, request, &response, &err));
        CHECK(calls("kontakt", "api") == CASES[i].sent);
        keyfob_response_free(response);
        keyfob_request_free(request);
        keyfob_client_free(client);
    }
}

int main(void) {
    AT_A_FRESH_CLOUD(every_answer_is_a_response);
    AT_A_FRESH_CLOUD(what_is_created_may_be_created_again_and_deleted);
    AT_A_FRESH_CLOUD(an_answer_without_a_body_has_none);
    AT_A_FRESH_CLOUD(method_headers_query_and_body_arrive_as_they_were_set);
    AT_A_FRESH_CLOUD(a_relative_url_is_below_the_base);
    AT_A_FRESH_CLOUD(a_request_is_sent_as_often_as_wanted);
    AT_A_FRESH_CLOUD(headers_are_found_by_name_and_in_turn);
    AT_A_FRESH_CLOUD(pages_are_followed_by_each_clouds_links);
    AT_A_FRESH_CLOUD(there_is_no_link_where_there_is_none);
    AT_A_FRESH_CLOUD(no_other_origin_sees_the_token);
    AT_A_FRESH_CLOUD(plain_http_is_for_this_machine_only);
    AT_A_FRESH_CLOUD(the_token_and_the_connection_have_headers_of_their_own);
    AT_A_FRESH_CLOUD(a_url_that_is_too_long_is_refused_and_a_long_header_is_sent);
    AT_A_FRESH_CLOUD(an_early_death_of_the_token_is_not_the_callers_to_see);
    AT_A_FRESH_CLOUD(a_request_has_a_limit_of_its_own);
    AT_A_FRESH_CLOUD(a_post_that_may_have_been_done_is_not_repeated_unless_marked);
    return failed_tests != 0;
}
