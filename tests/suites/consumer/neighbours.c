/* The static library in one program with OpenSSL and with another Rust static library. */

#include <keyfob.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>

int neighbour_works(void);

static int openssl_works(void) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    int hashed = EVP_Digest("abc", 3, digest, &size, EVP_sha256(), NULL);
    SSL_CTX_free(context);
    return context != NULL && hashed && size == 32 && digest[0] == 0xba;
}

static int keyfob_works(void) {
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    char *token = NULL;
    int unknown = keyfob_config_new("no such cloud", &config, NULL) == KEYFOB_UNKNOWN_PROVIDER;
    if (keyfob_config_new("simacan", &config, &err) == KEYFOB_OK &&
        keyfob_config_load_env(config, "SIM_SIMACAN", &err) == KEYFOB_OK &&
        keyfob_client_new(config, &client, &err) == KEYFOB_OK)
        keyfob_client_token(client, &token, &err);
    if (err)
        fprintf(stderr, "%s\n", keyfob_error_message(err));
    keyfob_error_free(err);
    keyfob_string_free(token);
    keyfob_client_free(client);
    keyfob_config_free(config);
    return unknown && token != NULL;
}

int main(void) {
    int neighbour = neighbour_works(), openssl = openssl_works(), keyfob = keyfob_works();
    printf("neighbour %d of 3, openssl %d, keyfob %d\n", neighbour, openssl, keyfob);
    return !(neighbour == 3 && openssl && keyfob);
}
