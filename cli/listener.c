/* listener.c: the loopback address that a browser is sent back to (RFC 8252 7.3). */
#include "program.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long a browser may take to say what it wants. */
enum { PATIENCE_MS = 5000 };

/* The port of http://127.0.0.1:PORT/..., or of localhost; -1 for another URL. 0: any free one. */
static int port_of(const char *uri) {
    static const char *const hosts[] = {"http://127.0.0.1", "http://localhost"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t length = strlen(hosts[i]);
        if (strncmp(uri, hosts[i], length) == 0 && uri[length] == '/')
            return 0;
        if (strncmp(uri, hosts[i], length) == 0 && uri[length] == ':') {
            char *end;
            long port = strtol(uri + length + 1, &end, 10);
            return port >= 0 && port < 65536 && *end == '/' ? (int)port : -1;
        }
    }
    return -1;
}

int open_listener(const char *wanted, char *uri, size_t size) {
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    const char *path, *host;
    int listener, port, on = 1;
    wanted = wanted == NULL ? "http://127.0.0.1/" : wanted;
    port = port_of(wanted);
    if (port < 0)
        return refuse("--redirect must be http://127.0.0.1:PORT/PATH or http://localhost:PORT/PATH, not ",
                      wanted), -1;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)port);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener >= 0)
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 8) != 0 || getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        perror("keyfob: the address that the browser comes back to");
        if (listener >= 0)
            close(listener);
        return -1;
    }
    host = strncmp(wanted, "http://localhost", 16) == 0 ? "localhost" : "127.0.0.1";
    path = strchr(wanted + strlen("http://"), '/');
    snprintf(uri, size, "http://%s:%d%s", host, ntohs(address.sin_port), path);
    return listener;
}

static void answer(int visitor, const char *status, const char *text) {
    char page[1024];
    int length = snprintf(page, sizeof page,
                          "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\n"
                          "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
                          "<!doctype html><meta charset=\"utf-8\"><title>keyfob</title>"
                          "<body style=\"font-family: sans-serif; margin: 4em\"><p>%s</p>\n",
                          status, text);
    send(visitor, page, (size_t)length, MSG_NOSIGNAL);
    shutdown(visitor, SHUT_WR);
    close(visitor);
}

/* Reads the head of a request. Whether it came whole. */
static int read_head(int visitor, char *head, size_t size) {
    size_t length = 0;
    while (length + 1 < size) {
        struct pollfd end = {visitor, POLLIN, 0};
        ssize_t got = poll(&end, 1, PATIENCE_MS) > 0 ? recv(visitor, head + length, size - length - 1, 0) : 0;
        if (got <= 0)
            return 0;
        length += (size_t)got;
        head[length] = '\0';
        if (strstr(head, "\r\n\r\n") != NULL)
            return 1;
    }
    return 0;
}

int take_visitor(int listener, char *target, size_t size) {
    char *end;
    int visitor = accept(listener, NULL, NULL);
    if (visitor < 0)
        return -1;
    if (!read_head(visitor, target, size)) {
        answer(visitor, "400 Bad Request", "This is no request.");
        return -1;
    }
    end = strncmp(target, "GET /", 5) == 0 ? strchr(target + 4, ' ') : NULL;
    if (end == NULL || memchr(target, '?', (size_t)(end - target)) == NULL) {
        /* A browser asks for an icon, too. */
        answer(visitor, "404 Not Found", "There is nothing here.");
        return -1;
    }
    *end = '\0';
    memmove(target, target + 4, strlen(target + 4) + 1);
    return visitor;
}

void show_page(int visitor, int is_done) {
    if (is_done)
        answer(visitor, "200 OK", "You are logged in. You may close this page.");
    else
        answer(visitor, "400 Bad Request", "That was no login. The terminal says why.");
}
