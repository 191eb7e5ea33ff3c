/* keyfob_curl.h: requests of libcurl's that carry keyfob's token.
 *
 * A header and no library: include it after <curl/curl.h> and <keyfob.h>, and link with both. For
 * programs that have libcurl already, and options of it that keyfob's own requests do not have.
 *
 *     CURLcode code;
 *     if (keyfob_curl_perform(client, curl, url, own_headers, write, data, &code, &err) != KEYFOB_OK) ...
 *     if (code != CURLE_OK) ...
 */
#ifndef KEYFOB_CURL_H
#define KEYFOB_CURL_H

#include <curl/curl.h>
#include <keyfob.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An error document has no more bytes than this. */
#define KEYFOB_CURL_LARGEST_ERROR 16384

/* Adds the headers for a request with this method, URL and body to `*list`, which may be NULL at first and
 * stays the caller's to free with curl_slist_free_all, also after a failure. Where the cloud has each
 * request signed they are good for this request alone. Errors as `keyfob_client_headers_for_request`;
 * `KEYFOB_PANIC` where there is no memory. */
static inline keyfob_status keyfob_curl_add_headers(const keyfob_client *client, const char *method,
                                                    const char *url, const void *body, size_t length,
                                                    struct curl_slist **list, keyfob_error **err)
{
    char *lines = NULL, *line, *end;
    keyfob_status status = keyfob_client_headers_for_request(
        client, method, url, (const uint8_t *)body, length, &lines, err);
    for (line = lines; status == KEYFOB_OK && line != NULL && *line != '\0'; line = end) {
        struct curl_slist *longer;
        end = strchr(line, '\n');
        if (end != NULL)
            *end++ = '\0';
        longer = curl_slist_append(*list, line);
        if (longer == NULL)
            status = KEYFOB_PANIC;
        else
            *list = longer;
    }
    keyfob_string_free(lines); /* which wipes it; libcurl's copies are the list's */
    return status;
}

/* Overwrites a list that holds a token, and frees it. NULL is fine. */
static inline void keyfob_curl_free_headers(struct curl_slist *list)
{
    struct curl_slist *item;
    for (item = list; item != NULL; item = item->next) {
        volatile char *at = item->data;
        while (*at != '\0')
            *at++ = '\0';
    }
    curl_slist_free_all(list);
}

/* What is between libcurl and the caller's write function: keeps an error document back until it is known
 * whether it refuses the token. */
struct keyfob_curl_sink {
    CURL *curl;
    curl_write_callback write;
    void *data;
    size_t kept;
    char document[KEYFOB_CURL_LARGEST_ERROR];
};

static inline int keyfob_curl_flush(struct keyfob_curl_sink *sink)
{
    size_t kept = sink->kept;
    sink->kept = 0;
    return kept == 0 || sink->write == NULL || sink->write(sink->document, 1, kept, sink->data) == kept;
}

static inline size_t keyfob_curl_take(char *data, size_t size, size_t number, void *user_data)
{
    struct keyfob_curl_sink *sink = (struct keyfob_curl_sink *)user_data;
    size_t length = size * number;
    long status = 0;
    curl_easy_getinfo(sink->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 400 && length <= sizeof sink->document - sink->kept) {
        memcpy(sink->document + sink->kept, data, length);
        sink->kept += length;
        return length;
    }
    if (!keyfob_curl_flush(sink))
        return 0;
    return sink->write == NULL ? length : sink->write(data, 1, length, sink->data);
}

/* Whether the last answer of a handle asks for another proof, with the nonce that it gives (DPoP). Never with
 * a libcurl before 7.84, which does not keep the headers of an answer. */
static inline int keyfob_curl_lacks_nonce(const keyfob_client *client, CURL *curl, const char *url,
                                          long answered)
{
    int lacks = 0;
#if LIBCURL_VERSION_NUM >= 0x075400
    struct curl_header *header = NULL;
    if (curl_easy_header(curl, "DPoP-Nonce", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
        size_t length = strlen(header->value) + 1;
        /* libcurl has one place for the header that was asked for last. */
        char *nonce = (char *)malloc(length);
        if (nonce != NULL) {
            int is_told;
            memcpy(nonce, header->value, length);
            is_told = curl_easy_header(curl, "WWW-Authenticate", 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
            lacks = keyfob_client_note_nonce(client, url, (uint16_t)answered, nonce,
                                             is_told ? header->value : NULL);
            free(nonce);
        }
    }
#else
    (void)client, (void)curl, (void)url, (void)answered;
#endif
    return lacks;
}

/* Sends the request of a handle to `url` with the token. If the API refuses the token, by the provider's
 * rule, renews it and sends once more. `own` are headers of the caller's, or NULL; `write` takes the body,
 * or NULL for nobody; all else is as the handle says. A body of the request must be one that libcurl can
 * send again: CURLOPT_POSTFIELDS, or with CURLOPT_SEEKFUNCTION. `*code` is what libcurl said of the last try.
 *
 * No redirect is followed: libcurl would take along headers that carry the token. Not for clouds that have
 * each request signed, unless it is a GET without a body. */
static inline keyfob_status keyfob_curl_perform(const keyfob_client *client, CURL *curl, const char *url,
                                                struct curl_slist *own, curl_write_callback write,
                                                void *data, CURLcode *code, keyfob_error **err)
{
    struct keyfob_curl_sink *sink = (struct keyfob_curl_sink *)malloc(sizeof *sink);
    keyfob_status status = sink == NULL ? KEYFOB_PANIC : KEYFOB_OK;
    int try_number, proves = 1;

    *code = CURLE_OUT_OF_MEMORY;
    if (err != NULL)
        *err = NULL;
    for (try_number = 0; try_number < 2 && status == KEYFOB_OK; try_number++) {
        struct curl_slist *headers = NULL, *item;
        char *token = NULL;
        long answered = 0;
        int refused, unproven;
        for (item = own; item != NULL; item = item->next)
            headers = curl_slist_append(headers, item->data);
        /* First the token: should a newer one come between, `refused` knows that. */
        status = keyfob_client_token(client, &token, err);
        if (status == KEYFOB_OK)
            status = keyfob_curl_add_headers(client, "GET", url, NULL, 0, &headers, err);
        if (status == KEYFOB_OK) {
            sink->curl = curl;
            sink->write = write;
            sink->data = data;
            sink->kept = 0;
            curl_easy_setopt(curl, CURLOPT_URL, url);
            curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
            curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
            curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keyfob_curl_take);
            curl_easy_setopt(curl, CURLOPT_WRITEDATA, (void *)sink);
            *code = curl_easy_perform(curl);
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answered);
            curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
            unproven = *code == CURLE_OK && keyfob_curl_lacks_nonce(client, curl, url, answered) && proves;
            refused = try_number == 0 && *code == CURLE_OK && !unproven &&
                      keyfob_client_is_refusal(client, (uint16_t)answered,
                                               (const uint8_t *)sink->document, sink->kept);
            if (unproven) {
                proves = 0;
                try_number--;
            } else if (refused)
                status = keyfob_client_refused(client, token, err);
            else if (!keyfob_curl_flush(sink) && *code == CURLE_OK)
                *code = CURLE_WRITE_ERROR;
            if (!refused && !unproven)
                try_number = 2;
        }
        keyfob_string_free(token);
        keyfob_curl_free_headers(headers);
    }
    free(sink);
    return status;
}

#ifdef __cplusplus
}
#endif

#endif /* KEYFOB_CURL_H */
