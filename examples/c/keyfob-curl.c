/* keyfob-curl: a GET by libcurl, with keyfob's token, renewed and sent again if the API refuses it.
 *
 * usage: keyfob-curl PROVIDER URL     options from KEYFOB_... in the environment
 */
#include <curl/curl.h>
#include <keyfob.h>
#include <keyfob_curl.h>
#include <stdio.h>

static size_t to_stdout(char *data, size_t size, size_t number, void *file)
{
    return fwrite(data, 1, size * number, file);
}

int main(int argc, char **argv)
{
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    const char *ca = getenv("KEYFOB_CA_FILE");
    CURLcode code = CURLE_OK;
    CURL *curl = curl_easy_init();
    long status = 0;

    if (argc != 3 || curl == NULL) {
        fprintf(stderr, "usage: %s PROVIDER URL\n", argv[0]);
        return 2;
    }
    if (ca != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
    if (keyfob_config_new(argv[1], &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "KEYFOB", &err) == KEYFOB_OK &&
        keyfob_client_new(config, &client, &err) == KEYFOB_OK &&
        keyfob_curl_perform(client, curl, argv[2], NULL, to_stdout, stdout, &code, &err) == KEYFOB_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK)
            fprintf(stderr, "%s\n", curl_easy_strerror(code));
        else
            fprintf(stderr, "HTTP %ld\n", status);
    } else {
        fprintf(stderr, "%s\n", keyfob_error_message(err));
    }
    keyfob_error_free(err);
    keyfob_client_free(client);
    keyfob_config_free(config);
    curl_easy_cleanup(curl);
    return status >= 200 && status < 300 ? 0 : 1;
}
