// SPDX-License-Identifier: MIT
// Where log lines are written: stderr, as text or JSON, or the journal with its fields. A sink that cannot
// write loses the line; the caller counts it. For the log's writer thread, or the caller's before the log is
// started.
#pragma once

#include "base/log.hpp"

namespace coppice::base::log {

// Replaces `automatic` by the format that this process's stderr needs.
format resolve(format asked);

// As render_text() in log.hpp, for a line whose time is text already. Any thread.
std::string render_text(std::string_view time, const record& line);

// Whether the descriptor is the stream that systemd has connected to the journal.
bool is_journal(int descriptor);

// The journal's fields of a line. Control characters are escaped, as in text: otherwise journalctl would show
// only the number of bytes. Any thread.
std::vector<std::string> journal_entries(const record& line, int priority);

// False: the line is lost, or only its beginning was written.
bool write_line(format to, const record& line);

} // namespace coppice::base::log
