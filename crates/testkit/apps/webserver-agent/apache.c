// A stand-in for the OpenTelemetry module of Apache httpd: it instruments nothing. It takes the module's directives, and
// tells in headers of each answer what it was given, so that a test sees that the injected configuration took effect.

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "apr_strings.h"

#include "directives.h"

// Of the SDK, which LoadFile brings.
extern const char *ingraft_stand_in(void);

// What was given, by directive; anew whenever the configuration is read.
static apr_table_t *given;

static int forget(apr_pool_t *configuration, apr_pool_t *log, apr_pool_t *temporary) {
    (void)log;
    (void)temporary;
    given = apr_table_make(configuration, 16);
    return OK;
}

static const char *text(cmd_parms *command, void *unused, const char *value) {
    (void)unused;
    apr_table_set(given, command->cmd->name, value);
    return NULL;
}

static const char *flag(cmd_parms *command, void *unused, const char *value) {
    (void)unused;
    if (strcasecmp(value, "ON") != 0 && strcasecmp(value, "OFF") != 0) {
        return apr_pstrcat(command->pool, command->cmd->name, " is ON or OFF", NULL);
    }
    return text(command, NULL, value);
}

static const char *triple(cmd_parms *command, void *unused, const char *a, const char *b, const char *c) {
    (void)unused;
    return text(command, NULL, apr_pstrcat(command->pool, a, "|", b, "|", c, NULL));
}

static const char *value(const char *directive) {
    const char *found = apr_table_get(given, directive);
    return found ? found : "";
}

static int tell(request_rec *request) {
    if (strcasecmp(value("ApacheModuleEnabled"), "ON") == 0) {
        const char *service = apr_pstrcat(
            request->pool, value("ApacheModuleServiceName"), "/", value("ApacheModuleServiceInstanceId"), NULL);
        apr_table_setn(request->err_headers_out, ingraft_stand_in(), service);
        const apr_array_header_t *all = apr_table_elts(given);
        for (int index = 0; index < all->nelts; index++) {
            const apr_table_entry_t *entry = &((const apr_table_entry_t *)all->elts)[index];
            const char *line = apr_pstrcat(request->pool, entry->key, "=", entry->val, NULL);
            apr_table_addn(request->err_headers_out, "X-Ingraft-Given", line);
        }
    }
    return DECLINED;
}

static void hooks(apr_pool_t *pool) {
    (void)pool;
    ap_hook_pre_config(forget, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_read_request(tell, NULL, NULL, APR_HOOK_MIDDLE);
}

#define FLAG(NAME) AP_INIT_TAKE1(NAME, flag, NULL, OR_ALL, "ON or OFF"),
#define TEXT(NAME) AP_INIT_TAKE1(NAME, text, NULL, OR_ALL, "one value"),
#define TRIPLE(NAME) AP_INIT_TAKE3(NAME, triple, NULL, OR_ALL, "three values"),

static const command_rec directives[] = {
    FOR_EACH_FLAG(FLAG, "ApacheModule") FOR_EACH_TEXT(TEXT, "ApacheModule") FOR_EACH_TRIPLE(TRIPLE, "ApacheModule"){.name = NULL}};

module AP_MODULE_DECLARE_DATA otel_apache_module = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, directives, hooks, 0};
