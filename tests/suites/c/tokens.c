/* Tokens through the C ABI: obtained, kept, renewed, refused, forgotten. */
#define _POSIX_C_SOURCE 200809L
#include "cloud.h"

#include <pthread.h>
#include <sched.h>

static const char *const FOUR[] = {"KONTAKT_PASSWORD", "IOTCONNECT_PASSWORD", "KII_USER",
                                   "SIMACAN_PASSWORD"};

static char *token_of(const keyfob_client *client) {
    char *token = NULL;
    CHECK_OK(keyfob_client_token(client, &token, &err));
    CHECK(token != NULL && token[0] != '\0');
    return token;
}

static void expect_token(const keyfob_client *client, const char *expected) {
    char *token = token_of(client);
    CHECK_TEXT(token, expected);
    keyfob_string_free(token);
}

static void expect_another_token(const keyfob_client *client, const char *former) {
    char *token = token_of(client);
    CHECK(token == NULL || strcmp(token, former) != 0);
    keyfob_string_free(token);
}

static void every_account_gets_a_token_that_its_api_takes(void) {
    static const char *const ACCOUNTS[] = {
        "KONTAKT_PASSWORD", "KONTAKT_API_KEY", "IOTCONNECT_PASSWORD",       "KII_USER",
        "KII_THING",        "KII_ADMIN",       "KII_ANONYMOUS",             "SIMACAN_PASSWORD",
        "OAUTH2_PASSWORD",  "OAUTH2_CLIENT_CREDENTIALS"};
    for (size_t i = 0; i < sizeof ACCOUNTS / sizeof *ACCOUNTS; i++) {
        keyfob_client *client = client_of(ACCOUNTS[i]);
        int32_t status;
        keyfob_string_free(token_of(client));
        CHECK(fetch(client, "GET", api_url(ACCOUNTS[i], "/status/200"), &status) == 200);
        CHECK(status == KEYFOB_OK);
        keyfob_client_free(client);
    }
}

static void a_token_is_kept_until_it_is_too_old(void) {
    keyfob_client *client = client_of("SIMACAN_PASSWORD");
    char *first = token_of(client);
    expect_token(client, first);
    CHECK(calls("simacan", "login") == 1);
    wind(client, 3600);
    expect_another_token(client, first);
    CHECK(calls("simacan", "login") == 1);
    CHECK(calls("simacan", "refresh") == 1);
    keyfob_string_free(first);
    keyfob_client_free(client);
}

static void a_copy_ends_with_a_nul_and_says_its_length(void) {
    keyfob_client *client = client_of("KONTAKT_PASSWORD");
    char *token = token_of(client);
    size_t needed = strlen(token), len = 0;
    char *exact = malloc(needed + 1);
    memset(exact, 'x', needed + 1);
    CHECK_OK(keyfob_client_token_copy(client, exact, needed + 1, &len, &err));
    CHECK(len == needed);
    CHECK_TEXT(exact, token);
    free(exact);
    keyfob_string_free(token);
    keyfob_client_free(client);
}

static void a_buffer_that_is_too_small_is_left_alone(void) {
    keyfob_client *client = client_of("KONTAKT_PASSWORD");
    char *token = token_of(client);
    size_t needed = strlen(token), len = 0;
    char *small = malloc(needed);
    memset(small, 'x', needed);
    CHECK_STATUS(KEYFOB_BUFFER_TOO_SMALL,
                 keyfob_client_token_copy(client, small, needed, &len, &err));
    CHECK(len == needed);
    for (size_t i = 0; i < needed; i++)
        CHECK(small[i] == 'x');
    len = 0;
    CHECK_STATUS(KEYFOB_BUFFER_TOO_SMALL, keyfob_client_token_copy(client, NULL, 0, &len, &err));
    CHECK(len == needed);
    free(small);
    keyfob_string_free(token);
    keyfob_client_free(client);
}

static void header_lines_carry_the_token(void) {
    keyfob_client *client = client_of("IOTCONNECT_PASSWORD");
    char *token = token_of(client), *lines = NULL;
    CHECK_OK(keyfob_client_headers(client, &lines, &err));
    CHECK(lines != NULL && strncmp(lines, "Authorization: Bearer ", 22) == 0);
    CHECK_TEXT(lines + 22, token);
    keyfob_string_free(lines);
    keyfob_string_free(token);
    keyfob_client_free(client);
}

static void an_api_key_is_presented_in_the_clouds_own_header(void) {
    keyfob_client *client = client_of("KONTAKT_API_KEY");
    char expected[128], *lines = NULL;
    snprintf(expected, sizeof expected, "Api-Key: %s", setting("KONTAKT_API_KEY_API_KEY"));
    CHECK_OK(keyfob_client_headers(client, &lines, &err));
    CHECK_TEXT(lines, expected);
    CHECK(calls("kontakt", "login") == 0);
    keyfob_string_free(lines);
    keyfob_client_free(client);
}

static void trying_for_a_token_never_goes_to_the_cloud(void) {
    keyfob_client *client = client_of("KII_USER");
    char *token = NULL, *tried = NULL;
    CHECK_STATUS(KEYFOB_WOULD_BLOCK, keyfob_client_try_token(client, &tried, &err));
    CHECK(tried == NULL);
    CHECK(calls("kii", "login") == 0);
    token = token_of(client);
    CHECK_OK(keyfob_client_try_token(client, &tried, &err));
    CHECK_TEXT(tried, token);
    keyfob_string_free(tried);
    keyfob_string_free(token);
    keyfob_client_free(client);
}

static void the_time_left_is_told_without_asking_the_cloud(void) {
    keyfob_client *client = client_of("SIMACAN_PASSWORD"), *kept = client_of("KONTAKT_API_KEY");
    int64_t lives = -1, due = -1;
    CHECK_OK(keyfob_client_expires_in_ms(client, &lives, &err));
    CHECK_OK(keyfob_client_renew_due_ms(client, &due, &err));
    CHECK(lives == 0 && due == 0);
    CHECK(calls("simacan", "login") == 0);
    keyfob_string_free(token_of(client));
    CHECK_OK(keyfob_client_expires_in_ms(client, &lives, &err));
    CHECK_OK(keyfob_client_renew_due_ms(client, &due, &err));
    CHECK(0 < due && due < lives && lives <= 3600000);
    CHECK_OK(keyfob_client_expires_in_ms(kept, &lives, &err));
    CHECK_OK(keyfob_client_renew_due_ms(kept, &due, &err));
    CHECK(lives == INT64_MAX && due == INT64_MAX);
    keyfob_client_free(kept);
    keyfob_client_free(client);
}

static void a_token_ages_however_far_the_clock_is_wound(void) {
    keyfob_client *client = client_of("SIMACAN_PASSWORD");
    int64_t lives = -1;
    keyfob_string_free(token_of(client));
    CHECK_OK(keyfob_client_wind_ms(client, INT64_MAX, &err));
    CHECK_OK(keyfob_client_wind_ms(client, INT64_MAX, &err));
    CHECK_OK(keyfob_client_expires_in_ms(client, &lives, &err));
    CHECK(lives == 0);
    keyfob_string_free(token_of(client));
    CHECK(calls("simacan", "refresh") == 1);
    keyfob_client_free(client);
}

static void renewing_refreshes_at_every_cloud(void) {
    static const char *const CLOUDS[] = {"kontakt", "iotconnect", "kii", "simacan"};
    for (size_t i = 0; i < 4; i++) {
        keyfob_client *client = client_of(FOUR[i]);
        char *first = token_of(client);
        CHECK_OK(keyfob_client_renew(client, &err));
        expect_another_token(client, first);
        CHECK(calls(CLOUDS[i], "login") == 1);
        CHECK(calls(CLOUDS[i], "refresh") == 1);
        keyfob_string_free(first);
        keyfob_client_free(client);
    }
}

static void a_refused_token_is_renewed_once(void) {
    keyfob_client *client = client_of("KONTAKT_PASSWORD");
    char *first = token_of(client);
    CHECK_OK(keyfob_client_refused(client, first, &err));
    CHECK_OK(keyfob_client_refused(client, first, &err)); /* it is the former one by now */
    expect_another_token(client, first);
    CHECK(calls("kontakt", "refresh") == 1);
    keyfob_string_free(first);
    keyfob_client_free(client);
}

static void only_a_rejected_refresh_token_leads_to_a_login(void) {
    keyfob_client *client = client_of("IOTCONNECT_PASSWORD");
    keyfob_string_free(token_of(client));
    tell("/inject", "{\"cloud\": \"iotconnect\", \"call\": \"refresh\", \"fault\": \"status:503\"}");
    CHECK_STATUS(KEYFOB_SERVER_ERROR, keyfob_client_renew(client, &err));
    CHECK(calls("iotconnect", "login") == 1);
    tell("/clear", "{\"what\": \"injections\"}");
    tell("/revoke", "{\"cloud\": \"iotconnect\", \"what\": \"refresh\"}");
    wind(client, 60);
    CHECK_OK(keyfob_client_renew(client, &err));
    CHECK(calls("iotconnect", "login") == 2);
    keyfob_client_free(client);
}

static void a_wrong_password_is_sent_once_and_a_new_one_ends_the_hold(void) {
    keyfob_client *client = client_of("SIMACAN_PASSWORD");
    char *token = NULL;
    keyfob_error *held = NULL;
    CHECK_OK(keyfob_client_set(client, "password", "wrong", &err));
    CHECK_STATUS(KEYFOB_CREDENTIALS_REJECTED, keyfob_client_token(client, &token, &err));
    CHECK(keyfob_client_token(client, &token, &held) == KEYFOB_LOGIN_ON_HOLD);
    CHECK(token == NULL);
    CHECK(keyfob_error_retry_after_ms(held) > 0);
    keyfob_error_free(held);
    CHECK(calls("simacan", "login") == 1);
    CHECK_OK(keyfob_client_set(client, "password", setting("SIMACAN_PASSWORD_PASSWORD"), &err));
    keyfob_string_free(token_of(client));
    CHECK(calls("simacan", "login") == 2);
    keyfob_client_free(client);
}

static void a_rejection_tells_the_clouds_own_code(void) {
    keyfob_client *client = client_of("KII_USER");
    char *token;
    keyfob_error *err = NULL;
    CHECK_OK(keyfob_client_set(client, "password", "wrong", &err));
    CHECK(keyfob_client_token(client, &token, &err) == KEYFOB_CREDENTIALS_REJECTED);
    CHECK(keyfob_error_status(err) == KEYFOB_CREDENTIALS_REJECTED);
    CHECK(keyfob_error_http_status(err) == 400);
    CHECK_TEXT(keyfob_error_provider_code(err), "invalid_grant");
    CHECK(strstr(keyfob_error_message(err), keyfob_error_provider_message(err)) != NULL);
    CHECK(strchr(keyfob_error_message(err), '\n') == NULL);
    CHECK(strstr(keyfob_error_message(err), "wrong") == NULL);
    keyfob_error_free(err);
    keyfob_client_free(client);
}

static void several_options_change_together_or_not_at_all(void) {
    keyfob_client *client = client_of("KII_USER");
    char *former = token_of(client);
    CHECK_STATUS(KEYFOB_UNKNOWN_OPTION,
                 keyfob_client_set_json(client, "{\"username\": \"other\", \"no\": 1}", &err));
    expect_token(client, former);
    CHECK_OK(keyfob_client_set_json(
        client, "{\"username\": \"gateway\", \"password\": \"correct horse\"}", &err));
    expect_another_token(client, former);
    keyfob_string_free(former);
    keyfob_client_free(client);
}

static void what_is_forgotten_is_obtained_by_a_new_login(void) {
    keyfob_client *client = client_of("KONTAKT_PASSWORD");
    char *tried, *former = token_of(client);
    CHECK_OK(keyfob_client_forget(client, &err));
    CHECK_STATUS(KEYFOB_WOULD_BLOCK, keyfob_client_try_token(client, &tried, &err));
    expect_another_token(client, former);
    CHECK(calls("kontakt", "login") == 2);
    CHECK(calls("kontakt", "refresh") == 0);
    keyfob_string_free(former);
    keyfob_client_free(client);
}

static void the_status_says_what_is_known_without_a_secret(void) {
    static const char *const SECRETS[] = {"KII_USER_PASSWORD", "KII_USER_APP_KEY"};
    keyfob_client *client = client_of("KII_USER");
    char *token = token_of(client), *json = NULL;
    CHECK_OK(keyfob_client_status_json(client, &json, &err));
    CHECK(json != NULL && strstr(json, "\"provider\":\"kii\"") != NULL);
    CHECK(strstr(json, "\"state\":\"fresh\"") != NULL);
    CHECK(strstr(json, "\"principal\":\"user-5f3a\"") != NULL);
    CHECK(strstr(json, token) == NULL);
    for (size_t i = 0; i < 2; i++)
        CHECK(strstr(json, setting(SECRETS[i])) == NULL);
    keyfob_string_free(json);
    keyfob_string_free(token);
    keyfob_client_free(client);
}

static void a_config_shows_secrets_as_stars(void) {
    keyfob_config *config = config_of("KII_USER");
    char *value = NULL;
    CHECK_OK(keyfob_config_get(config, "password", &value, &err));
    CHECK_TEXT(value, "***");
    keyfob_string_free(value);
    CHECK_OK(keyfob_config_get(config, "username", &value, &err));
    CHECK_TEXT(value, setting("KII_USER_USERNAME"));
    keyfob_string_free(value);
    CHECK_OK(keyfob_config_get(config, "api_key", &value, &err));
    CHECK(value == NULL);
    keyfob_config_free(config);
}

static void a_config_is_as_it_was_after_a_failure(void) {
    keyfob_config *config = config_of("KII_USER");
    char *value = NULL;
    CHECK_STATUS(KEYFOB_INVALID_OPTION, keyfob_config_set(config, "timeout_ms", "soon", &err));
    CHECK_STATUS(KEYFOB_UNKNOWN_OPTION,
                 keyfob_config_load_json(config, "{\"timeout_ms\": 5, \"no\": 1}", &err));
    CHECK_OK(keyfob_config_get(config, "timeout_ms", &value, &err));
    CHECK_TEXT(value, "30000");
    keyfob_string_free(value);
    keyfob_config_free(config);
}

static void options_that_fit_no_login_are_named(void) {
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    CHECK(keyfob_config_new("kontakt", &config, &err) == KEYFOB_OK);
    CHECK(keyfob_client_new(config, &client, &err) == KEYFOB_MISSING_OPTION);
    CHECK(client == NULL);
    CHECK(strstr(keyfob_error_message(err), "api_key") != NULL);
    CHECK(strstr(keyfob_error_message(err), "password") != NULL);
    keyfob_error_free(err);
    keyfob_config_free(config);
}

static void a_client_outlives_its_config_and_the_config_makes_more(void) {
    keyfob_config *config = config_of("KONTAKT_PASSWORD");
    keyfob_client *one = NULL, *other = NULL;
    CHECK_OK(keyfob_client_new(config, &one, &err));
    CHECK_OK(keyfob_config_set(config, "password", "wrong", &err)); /* copied: `one` has its own */
    CHECK_OK(keyfob_client_new(config, &other, &err));
    keyfob_config_free(config);
    keyfob_string_free(token_of(one));
    keyfob_client_free(one);
    keyfob_client_free(other);
}

static void a_shared_handle_has_the_token_and_a_limit_of_its_own(void) {
    keyfob_client *client = client_of("SIMACAN_PASSWORD"), *quick = NULL;
    char *token;
    tell("/inject",
         "{\"cloud\": \"simacan\", \"call\": \"login\", \"fault\": \"stall:before-headers\"}");
    CHECK_OK(keyfob_client_share(client, 50, &quick, &err));
    CHECK_STATUS(KEYFOB_TIMEOUT, keyfob_client_token(quick, &token, &err));
    CHECK(token == NULL);
    tell("/clear", "{\"what\": \"injections\"}");
    token = token_of(client);
    expect_token(quick, token);
    keyfob_client_free(client);
    expect_token(quick, token); /* the last handle keeps the client alive */
    keyfob_string_free(token);
    keyfob_client_free(quick);
}

static int ended;

static void *obtain_in_vain(void *client) {
    char *token;
    CHECK_STATUS(KEYFOB_CANCELLED, keyfob_client_token(client, &token, &err));
    CHECK(token == NULL);
    __atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void a_waiting_call_ends_when_another_thread_cancels_it(void) {
    keyfob_client *client = client_of("KII_USER");
    pthread_t waiting;
    __atomic_store_n(&ended, 0, __ATOMIC_SEQ_CST);
    tell("/inject", "{\"cloud\": \"kii\", \"call\": \"login\", \"fault\": \"stall:before-headers\"}");
    pthread_create(&waiting, NULL, obtain_in_vain, client);
    /* A cancel that comes before the call begins is not for it: so, until it has ended. */
    while (!__atomic_load_n(&ended, __ATOMIC_SEQ_CST)) {
        CHECK_OK(keyfob_client_cancel(client, &err));
        sched_yield();
    }
    pthread_join(waiting, NULL);
    tell("/clear", "{\"what\": \"injections\"}");
    keyfob_string_free(token_of(client)); /* later calls are not touched */
    keyfob_client_free(client);
}

static int lines_seen;

static void look_for_secrets(int32_t level, const char *line, void *secret) {
    CHECK(level >= KEYFOB_LOG_LEVEL_ERROR && level <= KEYFOB_LOG_LEVEL_DEBUG);
    CHECK(strchr(line, '\n') == NULL);
    CHECK(strstr(line, secret) == NULL);
    lines_seen++;
}

static void the_most_talkative_log_has_no_password(void) {
    keyfob_config *config = config_of("SIMACAN_PASSWORD");
    keyfob_client *client = NULL;
    int32_t status;
    char secret[64];
    snprintf(secret, sizeof secret, "%s", setting("SIMACAN_PASSWORD_PASSWORD"));
    lines_seen = 0;
    CHECK_OK(keyfob_config_set_log(config, look_for_secrets, secret, KEYFOB_LOG_LEVEL_DEBUG, &err));
    CHECK_OK(keyfob_client_new(config, &client, &err));
    keyfob_config_free(config);
    tell("/revoke", "{\"cloud\": \"simacan\", \"what\": \"both\"}");
    CHECK(fetch(client, "GET", api_url("SIMACAN_PASSWORD", "/status/200"), &status) == 200);
    tell("/revoke", "{\"cloud\": \"simacan\", \"what\": \"both\"}");
    CHECK(fetch(client, "GET", api_url("SIMACAN_PASSWORD", "/status/200"), &status) == 200);
    CHECK(lines_seen > 3);
    keyfob_client_free(client);
}

static void every_status_has_a_name(void) {
    CHECK_TEXT(keyfob_status_name(KEYFOB_OK), "OK");
    CHECK_TEXT(keyfob_status_name(KEYFOB_CREDENTIALS_REJECTED), "CREDENTIALS_REJECTED");
    CHECK_TEXT(keyfob_status_name(-1), "UNKNOWN");
    CHECK_TEXT(keyfob_status_name(9), "UNKNOWN");
    CHECK(keyfob_abi_version() == KEYFOB_ABI_VERSION);
    CHECK(strchr(keyfob_version(), '.') != NULL);
}

static void the_providers_describe_themselves(void) {
    char *json = NULL;
    CHECK_OK(keyfob_providers_json(&json, &err));
    CHECK(json != NULL && strstr(json, "\"simacan\"") != NULL);
    CHECK(strstr(json, "\"vendor_thing_id\"") != NULL);
    keyfob_string_free(json);
}

int main(void) {
    AT_A_FRESH_CLOUD(every_account_gets_a_token_that_its_api_takes);
    AT_A_FRESH_CLOUD(a_token_is_kept_until_it_is_too_old);
    AT_A_FRESH_CLOUD(a_copy_ends_with_a_nul_and_says_its_length);
    AT_A_FRESH_CLOUD(a_buffer_that_is_too_small_is_left_alone);
    AT_A_FRESH_CLOUD(header_lines_carry_the_token);
    AT_A_FRESH_CLOUD(an_api_key_is_presented_in_the_clouds_own_header);
    AT_A_FRESH_CLOUD(trying_for_a_token_never_goes_to_the_cloud);
    AT_A_FRESH_CLOUD(the_time_left_is_told_without_asking_the_cloud);
    AT_A_FRESH_CLOUD(a_token_ages_however_far_the_clock_is_wound);
    AT_A_FRESH_CLOUD(renewing_refreshes_at_every_cloud);
    AT_A_FRESH_CLOUD(a_refused_token_is_renewed_once);
    AT_A_FRESH_CLOUD(only_a_rejected_refresh_token_leads_to_a_login);
    AT_A_FRESH_CLOUD(a_wrong_password_is_sent_once_and_a_new_one_ends_the_hold);
    AT_A_FRESH_CLOUD(a_rejection_tells_the_clouds_own_code);
    AT_A_FRESH_CLOUD(several_options_change_together_or_not_at_all);
    AT_A_FRESH_CLOUD(what_is_forgotten_is_obtained_by_a_new_login);
    AT_A_FRESH_CLOUD(the_status_says_what_is_known_without_a_secret);
    AT_A_FRESH_CLOUD(a_config_shows_secrets_as_stars);
    AT_A_FRESH_CLOUD(a_config_is_as_it_was_after_a_failure);
    AT_A_FRESH_CLOUD(options_that_fit_no_login_are_named);
    AT_A_FRESH_CLOUD(a_client_outlives_its_config_and_the_config_makes_more);
    AT_A_FRESH_CLOUD(a_shared_handle_has_the_token_and_a_limit_of_its_own);
    AT_A_FRESH_CLOUD(a_waiting_call_ends_when_another_thread_cancels_it);
    AT_A_FRESH_CLOUD(the_most_talkative_log_has_no_password);
    AT_A_FRESH_CLOUD(every_status_has_a_name);
    AT_A_FRESH_CLOUD(the_providers_describe_themselves);
    return failed_tests != 0;
}
