// SPDX-License-Identifier: MIT
// Where exceptions were thrown, for the log line of an actor that one of them ends: when it is caught its
// stack is gone. coppiced notes each throw of a plugin's code (daemon/note_throws.cpp), which costs a walk up
// to the daemon's frames, about what the throw itself costs; other programs note none. What is kept is a
// table of fixed size with the latest throws, by exception, so that one that is thrown again (`throw;`,
// std::rethrow_exception), also on another thread, is told with the place of the first throw. Any thread.
#pragma once

#include <string>
#include <vector>

namespace coppice::host {

// Return addresses, the throwing function's own first, down to the daemon's code.
using thrown_frames = std::vector<const void*>;

// What throws `exception` is outside of this program, at most so many frames of it are kept. Does not
// allocate; what the table cannot take at the moment is not noted.
void note_throw(const void* exception) noexcept;

// Of the exception that is being handled on this thread; empty: none, or its throw was not noted or is
// forgotten.
thrown_frames frames_of_caught();

// A line each: the file's name with the offset of the call in it, as addr2line takes it, and the function's
// name where the file has it. Reads those files; "" of no frames.
std::string to_text(const thrown_frames& frames);

} // namespace coppice::host
