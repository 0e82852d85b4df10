// SPDX-License-Identifier: MIT
// One connection of an HTTP server: reads a request, has it answered, writes the answer, and so on. One
// request at a time is worked on, and one in a turn of the loop, so that who asks for much has no more of the
// thread than others; what was sent behind it waits here (a buffer's worth) and in the kernel.
// Every state in which it waits for the client has a deadline. Private to the room; the loop's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/uv.hpp"
#include "net/http_reader.hpp"
#include "net/http_server.hpp"
#include "net/stream.hpp"

namespace coppice::net {

class http_connection final : private stream_handler {
 public:
  struct callbacks {
    // A whole request; the answer is given with the same number.
    std::function<void(const http_request&, std::uint64_t number)> ask;
    // A response was sent.
    std::function<void(int status)> answered;
    // Called once, last; the connection is destroyed when that has returned to the loop.
    std::function<void()> gone;
  };

  http_connection(uv_loop_t* loop, stream socket, const http_options& options, callbacks to);

  // The answer to request `number`; ignored if that is not the one being worked on.
  void answer(std::uint64_t number, const http_response& response);
  // It is at a request, or has not begun its first one.
  bool owed() const { return phase_ <= phase::answering && (number_ == 0 || phase_ != phase::waiting); }

 private:
  enum class phase : std::uint8_t {
    waiting,   // for a request's first byte
    head,      // for the rest of its head
    body,      // for the rest of its body
    answering, // for answer()
    draining,  // for the client to take the last answer
    over,
  };

  void on_data(base::bytes_span bytes) override;
  void on_drained() override;
  bool on_end() override;
  void on_closed(base::error why) override;

  void go_on();
  void read_some();
  void enter(phase next);
  void next_request();
  void on_deadline();
  // Without an answer, at once.
  void drop();
  // Answers with an error and closes: where the next request begins is not known.
  void refuse(int status, std::string_view why);
  void send(const http_response& response, bool keep_alive);
  // Closes when all is written.
  void finish();
  void leave();

  const http_options& options_;
  callbacks to_;
  stream stream_;
  http_reader reader_;
  base::uv::timer deadline_;
  base::uv::idle next_turn_; // while what was sent behind a request waits for the others
  phase phase_ = phase::waiting;
  std::string input_; // not read yet
  http_request request_;
  std::uint64_t number_ = 0; // of the last request
  bool reading_ = false;     // go_on() is running
  bool ended_ = false;       // the client sends nothing more
};

} // namespace coppice::net
