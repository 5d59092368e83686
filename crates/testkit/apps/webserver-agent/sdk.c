// A stand-in for the libraries of the SDK, one file under each of their names. The modules call it, so that they load
// only where the injected configuration makes the libraries findable.

const char *ingraft_stand_in(void) { return "X-Ingraft-Stand-In"; }
