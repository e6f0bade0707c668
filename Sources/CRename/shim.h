#pragma once

// <stdio.h> shows it only with _GNU_SOURCE.
extern int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned int flags);

/// Renames only where nobody has the new name. EEXIST where somebody has it, EINVAL where the file system cannot do that.
static inline int cristae_rename_to_free_name(
    int from_folder, const char *_Nonnull from, int to_folder, const char *_Nonnull to) {
    // RENAME_NOREPLACE
    return renameat2(from_folder, from, to_folder, to, 1u);
}
