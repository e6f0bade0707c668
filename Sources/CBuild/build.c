#include "build.h"

#include <stddef.h>

const char *cristae_commit(void) {
#ifdef CRISTAE_COMMIT
    return CRISTAE_COMMIT;
#else
    return NULL;
#endif
}
