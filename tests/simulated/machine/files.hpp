// SPDX-License-Identifier: MIT
// Real files that hosts have open. The baton's holder.
#pragma once

namespace coppice::simulated {

// `fd` was opened by the host whose thread this is.
void note_file(int fd);
void forget_file(int fd);
// As the kernel does when a program ends.
void close_files_of(unsigned host);

} // namespace coppice::simulated
