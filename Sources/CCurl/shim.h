#pragma once
#define CURL_DISABLE_TYPECHECK 1
#include <curl/curl.h>
// What its sockets are waited for with.
#include <sys/epoll.h>
#include <sys/eventfd.h>

// Swift cannot call variadic C functions: one function for each type of argument.

typedef size_t (*cristae_curl_data_function)(char *, size_t, size_t, void *);
typedef int (*cristae_curl_socket_function)(CURL *, curl_socket_t, int, void *, void *);
typedef int (*cristae_curl_timer_function)(CURLM *, long, void *);

static inline CURLcode cristae_curl_global_init(void) { return curl_global_init(CURL_GLOBAL_ALL); }

static inline CURLcode cristae_curl_set_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode cristae_curl_set_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode cristae_curl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode cristae_curl_set_list(CURL *easy, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode cristae_curl_set_function(CURL *easy, CURLoption option, cristae_curl_data_function value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLMcode cristae_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode cristae_curl_multi_on_socket(CURLM *multi, cristae_curl_socket_function function, void *data) {
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, data);
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, function);
}

static inline CURLMcode cristae_curl_multi_on_timer(CURLM *multi, cristae_curl_timer_function function, void *data) {
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, data);
    return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, function);
}

static inline CURLcode cristae_curl_get_long(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode cristae_curl_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode cristae_curl_get_string(CURL *easy, CURLINFO info, char **value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode cristae_curl_get_pointer(CURL *easy, CURLINFO info, void **value) {
    return curl_easy_getinfo(easy, info, value);
}

// The result of a finished transfer, which sits in a union.
static inline CURLcode cristae_curl_result(const CURLMsg *message) { return message->data.result; }
