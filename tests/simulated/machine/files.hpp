// SPDX-License-Identifier: MIT
// Real files that hosts have open, by the kernel's descriptors. The baton's holder.
#pragma once

#include <sys/uio.h>

#include <span>

#include "disk.hpp"

namespace coppice::simulated {

// `fd` was opened by the host whose thread this is. `of`: the file of a disk; null: of none.
void note_file(int fd, entry_ptr of = nullptr);
void forget_file(int fd);
// Null: no file of a host's disk.
entry_ptr file_at(int fd);
// As the kernel does when a program ends.
void close_files_of(unsigned host);
// write(2) and pwrite(2). `offset` below 0: where the descriptor stands.
ssize_t write_file(int fd, std::span<const iovec> from, off64_t offset);

} // namespace coppice::simulated
