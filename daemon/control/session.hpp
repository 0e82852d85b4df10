// SPDX-License-Identifier: MIT
// One connection to the control socket: splits what arrives into lines, one request at a time, and
// writes the answers. While a request is being worked on nothing more is read, so a client that sends
// faster than it is answered waits in the kernel. The control thread.
#pragma once

#include <functional>
#include <string>

#include "api/protocol.hpp"
#include "net/stream.hpp"

namespace coppice::control {

class session final : public net::stream_handler {
 public:
  // `ask` is given each request; `gone` is called once, last, and may destroy the session.
  session(net::stream connection, std::function<void(api::request)> ask, std::function<void()> gone);

  void answer(std::string_view line);

 private:
  void on_data(base::bytes_span bytes) override;
  bool on_end() override;
  void on_closed(base::error why) override;

  // Takes the next line out of what has arrived, unless one is being answered.
  void next_request();
  // Answers with an error and closes: the rest of the bytes can't be trusted to be lines.
  void reject(const std::string& why);

  net::stream stream_;
  std::function<void(api::request)> ask_;
  std::function<void()> gone_;
  std::string received_;
  std::size_t searched_ = 0; // no line feed before it
  bool answering_ = false;
  bool ended_ = false; // the client sends nothing more
};

} // namespace coppice::control
