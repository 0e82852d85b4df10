// SPDX-License-Identifier: MIT
// One connection to the control socket: splits what arrives into lines, one request at a time, and writes
// the answers. While a request is being worked on, and until its answer has left, nothing more is read, so a
// client that sends faster than it is answered waits in the kernel. A client that takes nothing of its
// answer for ten seconds is disconnected. The control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "api/protocol.hpp"
#include "base/uv.hpp"
#include "control/server.hpp"
#include "net/deadline.hpp"
#include "net/stream/stream.hpp"

namespace coppice::control {

class session final : public net::stream_handler {
 public:
  // Works on a request; its answer is given with the same number.
  using ask_function = std::function<pending(api::request, std::uint64_t number)>;

  // `gone` is called once, last; the session may be destroyed when that has returned to the loop.
  session(uv_loop_t* loop, net::stream connection, const caller& who, ask_function ask,
          std::function<void()> gone);
  ~session();

  // The answer of request `number`; ignored if that is not the one being worked on.
  void answer(std::uint64_t number, std::string_view line);
  // Whether an answer is owed: a request is being worked on, or the first one has not come.
  bool owed() const { return answering_ || number_ == 0; }

 private:
  void on_data(base::bytes_span bytes) override;
  bool on_end() override;
  void on_drained() override;
  void on_closed(base::error why) override;

  // Takes the next line out of what has arrived, unless a request is being answered.
  void next_request();
  void on_timeout();
  // Called if the answer has not left in time. If a part of it has left, the time begins anew.
  void on_unread();
  // Goes on after an answer.
  void go_on();
  // The request being worked on is not waited for any more.
  void give_up();
  // Answers with an error and closes: the rest of the bytes can't be trusted to be lines.
  void reject(const std::string& why);
  void leave();

  net::stream stream_;
  caller who_;
  ask_function ask_;
  std::function<void()> gone_;
  std::string received_;
  std::size_t searched_ = 0; // no line feed before it
  std::uint64_t number_ = 0; // of the last request
  bool answering_ = false;
  pending pending_;
  std::size_t unread_ = 0; // bytes of the last answer that have not left, when last looked at
  net::deadline patience_; // for the first request, then for each answer, and for its leaving
  bool ended_ = false;     // the client sends nothing more
  bool over_ = false;      // gone_() was called
};

} // namespace coppice::control
