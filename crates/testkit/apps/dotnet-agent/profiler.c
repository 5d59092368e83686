// A stand-in for the native part of OpenTelemetry .NET: a profiler that the runtime loads and initialises, and that
// does nothing. It asks for no events, so that of its callbacks only Initialize and Shutdown are called.
//
// Order of the functions: corprof.idl of the runtime, ICorProfilerCallback to ICorProfilerCallback9.

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef int32_t result;

typedef struct {
    uint32_t first;
    uint16_t second, third;
    uint8_t rest[8];
} guid;

enum { OK = 0, NO_CLASS = (int)0x80040111, BAD_POINTER = (int)0x80004003 };

// {918728DD-259F-4A6A-AC2B-B85E1B658318}
static const guid PROFILER = {0x918728DD, 0x259F, 0x4A6A, {0xAC, 0x2B, 0xB8, 0x5E, 0x1B, 0x65, 0x83, 0x18}};

static atomic_int initialisations;

static result ask(void *self, const guid *interface, void **answer) {
    (void)interface;
    if (!answer) return BAD_POINTER;
    // Each interface asked for is an older or newer version of the one table.
    *answer = self;
    return OK;
}

// Nothing is ever freed, so nothing is counted.
static uint32_t count(void *self) {
    (void)self;
    return 1;
}

static result ok(void) { return OK; }

static result initialize(void *self, void *information) {
    (void)self;
    (void)information;
    atomic_fetch_add(&initialisations, 1);
    fputs("ingraft stand-in: the profiler was initialised\n", stderr);
    return OK;
}

int IngraftStandInInitialisations(void) { return atomic_load(&initialisations); }

typedef void (*function)(void);

// More places than any version of the interface has.
static function callbacks[160];
static function *callback_object = callbacks;

static result create(void *self, void *outer, const guid *interface, void **answer) {
    (void)self;
    (void)outer;
    return ask(&callback_object, interface, answer);
}

static function factory[] = {(function)ask, (function)count, (function)count, (function)create, (function)ok};
static function *factory_object = factory;

result DllGetClassObject(const guid *class, const guid *interface, void **answer) {
    if (memcmp(class, &PROFILER, sizeof PROFILER) != 0) return NO_CLASS;
    for (size_t index = 0; index < sizeof callbacks / sizeof *callbacks; index++) callbacks[index] = (function)ok;
    callbacks[0] = (function)ask;
    callbacks[1] = callbacks[2] = (function)count;
    callbacks[3] = (function)initialize;
    return ask(&factory_object, interface, answer);
}

result DllCanUnloadNow(void) { return OK; }
