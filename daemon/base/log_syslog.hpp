// SPDX-License-Identifier: MIT
// Sends lines of the log to a syslog server, each as one datagram (RFC 5424 over UDP, RFC 5426). A thread of
// its own takes them from a queue, so that neither a name server nor the network delays the log. While the
// server's name cannot be resolved, lines wait in the queue. A server that refuses datagrams is told of in
// the log once, and so is that it takes them again. UDP itself loses lines without a word.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "base/log_queue.hpp"

namespace coppice::base::log {

// The severity of RFC 5424: 3 (error) to 7 (debug).
int syslog_severity(level of);

// A line as RFC 5424 has it, with facility `daemon`. `host`: the machine's name; empty: not known. The
// program is `coppiced`, the message id the line's module; the fields are structured data. At most 60,000
// bytes: a longer one is cut. Control characters are escaped.
std::string render_syslog(const record& line, std::string_view host, int process);

class syslog_sender {
 public:
  // `label`: the handler's, for lines of the log about it. `address`: HOST:PORT. Lines wait in `from`, which
  // the destructor closes.
  syslog_sender(std::string label, std::string address, std::shared_ptr<log_queue> from);
  // Waits until the lines in the queue are sent, but no longer than 2 s.
  ~syslog_sender();
  syslog_sender(const syslog_sender&) = delete;
  syslog_sender& operator=(const syslog_sender&) = delete;

  // Lines that could not be sent. Any thread.
  std::uint64_t lost() const;

 private:
  struct sending;
  const std::shared_ptr<sending> does_; // shared with its thread, which may be left behind in a name server
};

} // namespace coppice::base::log
