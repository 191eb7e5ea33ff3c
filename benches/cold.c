/* The same as `keyfob-token simacan`, the least of it, on libcurl and cJSON: log in, print the token.
 * No cache, no refresh, no hold, no store: what a first version of everybody's own looks like.
 *
 * From the environment: KEYFOB_USERNAME, KEYFOB_PASSWORD, KEYFOB_BASE_URL, KEYFOB_CA_FILE. */

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *start;
    size_t length;
};

static size_t append(char *data, size_t size, size_t count, void *of) {
    struct text *text = of;
    char *longer = realloc(text->start, text->length + size * count + 1);
    if (longer == NULL)
        return 0;
    memcpy(longer + text->length, data, size * count);
    text->start = longer;
    text->length += size * count;
    longer[text->length] = '\0';
    return size * count;
}

int main(void) {
    struct text answer = {NULL, 0};
    char url[256], form[512];
    long status = 0;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    char *user = curl_easy_escape(curl, getenv("KEYFOB_USERNAME"), 0);
    char *password = curl_easy_escape(curl, getenv("KEYFOB_PASSWORD"), 0);
    snprintf(url, sizeof url, "%s/auth/password", getenv("KEYFOB_BASE_URL"));
    snprintf(form, sizeof form, "username=%s&password=%s", user, password);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("KEYFOB_CA_FILE"));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    if (curl_easy_perform(curl) != CURLE_OK)
        return 1;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    cJSON *json = status == 200 ? cJSON_Parse(answer.start) : NULL;
    const char *token = cJSON_GetStringValue(cJSON_GetObjectItem(json, "access_token"));
    if (token != NULL)
        puts(token);
    int failed = token == NULL;
    cJSON_Delete(json);
    curl_free(user);
    curl_free(password);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    free(answer.start);
    return failed;
}
