// keyfob.hpp in a second translation unit: what it defines must not clash at link time.

#include "keyfob.hpp"
#include "keyfob.hpp"

const char *other_unit_includes_it_too();
const char *other_unit_includes_it_too() { return keyfob::version(); }
