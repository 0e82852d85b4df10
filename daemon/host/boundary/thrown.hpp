// SPDX-License-Identifier: MIT
// Records where exceptions were thrown, for the log line of an actor that an exception ends: when it is
// caught, its stack is gone. coppiced records each throw of a plugin's code (daemon/note_throws.cpp), which
// costs a walk up to the daemon's frames, about as much as the throw itself; other programs record none. A
// table of fixed size holds the latest throws by exception. So an exception that is thrown again (`throw;`,
// std::rethrow_exception), also on another thread, keeps the place of its first throw. Any thread.
#pragma once

#include <string>
#include <vector>

namespace coppice::host {

// Return addresses, from the throwing function down to the daemon's code.
using thrown_frames = std::vector<const void*>;

// Records the throw of `exception` if the throwing code is outside of this program, with a bounded number of
// frames. Does not allocate; if the table is busy, nothing is recorded.
void note_throw(const void* exception) noexcept;

// The frames of the exception being handled on this thread. Empty: there is none, or its throw was not
// recorded or has been replaced.
thrown_frames frames_of_caught();

// One line for each frame: the file's name with the offset of the call, as addr2line takes it, and the
// function's name if the file has it. Reads those files. "": no frames.
std::string to_text(const thrown_frames& frames);

} // namespace coppice::host
