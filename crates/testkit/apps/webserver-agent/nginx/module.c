// A stand-in for the OpenTelemetry module of nginx: it instruments nothing. It takes the module's directives, and tells
// in headers of each answer what it was given, so that a test sees that the injected configuration took effect.

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "directives.h"

// Of the SDK, which is found along LD_LIBRARY_PATH.
extern const char *ingraft_stand_in(void);

// What was given, by directive: an array of ngx_keyval_t.
typedef struct {
    ngx_array_t given;
} configuration;

extern ngx_module_t ngx_http_opentelemetry_module;

static void *create(ngx_conf_t *reading) {
    configuration *made = ngx_pcalloc(reading->pool, sizeof *made);
    if (made == NULL || ngx_array_init(&made->given, reading->pool, 16, sizeof(ngx_keyval_t)) != NGX_OK) return NULL;
    return made;
}

static char *text(ngx_conf_t *reading, ngx_command_t *command, void *own) {
    configuration *into = own;
    const ngx_str_t *words = reading->args->elts;
    for (ngx_uint_t index = 0; index < into->given.nelts; index++) {
        const ngx_keyval_t *known = (const ngx_keyval_t *)into->given.elts + index;
        if (known->key.len == command->name.len && ngx_strcmp(known->key.data, command->name.data) == 0) {
            return "is duplicate";
        }
    }
    ngx_keyval_t *entry = ngx_array_push(&into->given);
    if (entry == NULL) return NGX_CONF_ERROR;
    entry->key = command->name;
    entry->value = words[1];
    return NGX_CONF_OK;
}

static char *flag(ngx_conf_t *reading, ngx_command_t *command, void *own) {
    const ngx_str_t *words = reading->args->elts;
    if (ngx_strcasecmp(words[1].data, (u_char *)"on") != 0 && ngx_strcasecmp(words[1].data, (u_char *)"off") != 0) {
        return "must be on or off";
    }
    return text(reading, command, own);
}

static ngx_str_t value(const configuration *from, const char *directive) {
    for (ngx_uint_t index = 0; index < from->given.nelts; index++) {
        const ngx_keyval_t *entry = (const ngx_keyval_t *)from->given.elts + index;
        if (ngx_strcmp(entry->key.data, directive) == 0) return entry->value;
    }
    return (ngx_str_t)ngx_null_string;
}

static ngx_int_t add(ngx_http_request_t *request, const char *name, ngx_str_t left, const char *between, ngx_str_t right) {
    size_t length = left.len + ngx_strlen(between) + right.len;
    u_char *joined = ngx_pnalloc(request->pool, length);
    ngx_table_elt_t *header = ngx_list_push(&request->headers_out.headers);
    if (joined == NULL || header == NULL) return NGX_ERROR;
    ngx_memzero(header, sizeof *header);
    u_char *end = ngx_cpymem(joined, left.data, left.len);
    end = ngx_cpymem(end, between, ngx_strlen(between));
    ngx_memcpy(end, right.data, right.len);
    header->hash = 1;
    header->key = (ngx_str_t){ngx_strlen(name), (u_char *)name};
    header->value = (ngx_str_t){length, joined};
    return NGX_OK;
}

static ngx_int_t tell(ngx_http_request_t *request) {
    const configuration *own = ngx_http_get_module_main_conf(request, ngx_http_opentelemetry_module);
    ngx_str_t enabled = value(own, "NginxModuleEnabled");
    if (enabled.len != 2) return NGX_DECLINED;
    ngx_str_t name = value(own, "NginxModuleServiceName"), instance = value(own, "NginxModuleServiceInstanceId");
    if (add(request, ingraft_stand_in(), name, "/", instance) != NGX_OK) return NGX_ERROR;
    for (ngx_uint_t index = 0; index < own->given.nelts; index++) {
        const ngx_keyval_t *entry = (const ngx_keyval_t *)own->given.elts + index;
        if (add(request, "X-Ingraft-Given", entry->key, "=", entry->value) != NGX_OK) return NGX_ERROR;
    }
    // nginx removes all variables but those that its configuration names.
    const char *attributes = getenv("OTEL_RESOURCE_ATTRIBUTES");
    if (attributes != NULL) {
        ngx_str_t key = ngx_string("OTEL_RESOURCE_ATTRIBUTES"), text = {ngx_strlen(attributes), (u_char *)attributes};
        if (add(request, "X-Ingraft-Given", key, "=", text) != NGX_OK) return NGX_ERROR;
    }
    return NGX_DECLINED;
}

static ngx_int_t hook(ngx_conf_t *reading) {
    ngx_http_core_main_conf_t *core = ngx_http_conf_get_module_main_conf(reading, ngx_http_core_module);
    // Before any location is chosen, so that no redirect inside the server repeats it.
    ngx_http_handler_pt *handler = ngx_array_push(&core->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (handler == NULL) return NGX_ERROR;
    *handler = tell;
    return NGX_OK;
}

#define ANYWHERE (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF)
#define FLAG(NAME) {ngx_string(NAME), ANYWHERE | NGX_CONF_TAKE1, flag, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
#define TEXT(NAME) {ngx_string(NAME), ANYWHERE | NGX_CONF_TAKE1, text, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
#define TRIPLE(NAME) {ngx_string(NAME), ANYWHERE | NGX_CONF_TAKE3, text, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},

static ngx_command_t directives[] = {
    FOR_EACH_FLAG(FLAG, "NginxModule") FOR_EACH_TEXT(TEXT, "NginxModule") FOR_EACH_TRIPLE(TRIPLE, "NginxModule") ngx_null_command};

static ngx_http_module_t functions = {NULL, hook, create, NULL, NULL, NULL, NULL, NULL};

ngx_module_t ngx_http_opentelemetry_module = {
    NGX_MODULE_V1, &functions, directives, NGX_HTTP_MODULE, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NGX_MODULE_V1_PADDING};
