// SPDX-License-Identifier: MIT
// Where log lines end: stderr as text or JSON, or the journal with its fields. A sink that cannot
// write loses the line, which whoever writes counts. The log's writer thread, or the caller's
// before the log is started.
#pragma once

#include "base/log.hpp"

namespace coppice::base::log {

// `automatic` resolved: what this process's stderr asks for.
format resolve(format asked);

// As render_text() in log.hpp, of a line whose time is text already. Any thread.
std::string render_text(std::string_view time, const record& line);

// Whether this descriptor is the stream that systemd has connected with the journal.
bool is_journal(int descriptor);

// The journal's fields of a line. A control character would have the journal show a number of bytes in place
// of the text: they are escaped as in text. Any thread.
std::vector<std::string> journal_entries(const record& line, int priority);

// False: it is lost, or only its beginning is there.
bool write_line(format to, const record& line);

} // namespace coppice::base::log
