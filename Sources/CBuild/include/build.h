#ifndef CRISTAE_BUILD_H
#define CRISTAE_BUILD_H

/// The commit that the program was built from, as the environment variable CRISTAE_COMMIT named it at build time; NULL where it did not.
const char *cristae_commit(void);

#endif
