// SPDX-License-Identifier: MIT
// Real files that hosts have open, by their kernel descriptors. The baton's holder.
#pragma once

#include <sys/uio.h>

#include <span>

#include "disk.hpp"

namespace coppice::simulated {

// `fd` was opened by this thread's host. `of`: the file on a host's disk. Null: on none.
void note_file(int fd, entry_ptr of = nullptr);
void forget_file(int fd);
// Null: not a file of a host's disk.
entry_ptr file_at(int fd);
// Closes the host's files, as the kernel does when a program ends.
void close_files_of(unsigned host);
// How many files threads of the host have opened.
std::size_t open_files_of(unsigned host);
// write(2) and pwrite(2). `offset` below 0: the descriptor's own position.
ssize_t write_file(int fd, std::span<const iovec> from, off64_t offset);

} // namespace coppice::simulated
