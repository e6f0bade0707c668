#pragma once

/// Asks the processor to read the line of memory at an address, which need not exist. Swift has no word for it.
static inline __attribute__((always_inline)) void cristae_prefetch(const void *_Nonnull address) {
    __builtin_prefetch(address);
}
