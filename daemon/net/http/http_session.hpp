// SPDX-License-Identifier: MIT
// One connection of an HTTP/1.x server without its socket and its clock: bytes of the client go in, requests
// and bytes for the client come out. Requests are worked on one at a time and answered in order; a body is
// put together, or handed out as it comes as far as there is credit for it; an answer is given whole or
// piece by piece. What is wrong is answered by itself, as are expectations of 100. One thread; events may
// call back in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http/http_message.hpp"
#include "net/http/http_reader.hpp"
#include "net/http/unfinished_bytes.hpp"

namespace coppice::net {

// What is to become of a request's body.
struct http_body_plan {
  bool streamed = false;         // handed out as it comes, by credit; else it comes with its request
  std::size_t limit = SIZE_MAX;  // bytes; beyond: 413. http_limits::body holds in any case
  std::size_t credit = 64 << 10; // bytes handed out before more credit is needed, of one that is streamed
};

class http_session {
 public:
  // Requests have numbers, from 1 on.
  class events {
   public:
    // Of a request with a body, before any of it is read.
    virtual http_body_plan plan_body(const http_request& asked) = 0;
    // The request, whole; of one that is streamed the head. To be answered with its number.
    virtual void on_request(const http_request& asked, std::uint64_t number) = 0;
    // Of a streamed body; empty only if it is the last.
    virtual void on_body(std::uint64_t number, std::string_view part, bool last) = 0;
    // The answer to this one, or the rest of it, would be to nobody: the client is gone, or its body was
    // wrong.
    virtual void on_abandoned(std::uint64_t number) = 0;
    // The session refuses the client by itself, and is about to say so: headers may be added. `asked`: the
    // head of what it refuses; null: that was not understood.
    virtual void on_refusal(const http_request* /*asked*/, http_response& /*answer*/) {}
    // An answer has begun, the session's own refusals included.
    virtual void on_answered(int status) = 0;
    // For the client.
    virtual void on_bytes(std::string_view bytes) = 0;

   protected:
    ~events() = default;
  };

  // Whom it waits for.
  enum class phase : std::uint8_t {
    waiting,   // the client, for a request's first byte
    head,      // … for the rest of its head
    body,      // … for the rest of its body
    held,      // credit for a streamed body
    answering, // the answer, or the rest of it
    closing,   // nobody: to be closed when all is sent
    broken,    // nobody: to be closed at once, for what was sent last is not whole
    upgraded,  // nobody: the connection is another protocol's
  };

  // `requests`: after so many it closes. `unfinished`: of all that have bodies put together, beyond: 503;
  // null: no bound; outlives it.
  http_session(const http_limits& limits, std::uint64_t requests, events& to,
               unfinished_bytes* unfinished = nullptr)
      : reader_(limits), requests_(requests), to_(to), unfinished_(unfinished) {}

  // Keeps the client's bytes for step(). What comes behind the last request is nobody's, once that can be
  // upgraded no more: it is dropped, so that the connection's end is seen behind it.
  void feed(std::string_view bytes) {
    if (!takes_nothing()) input_ += bytes;
  }
  // The client sends no more.
  void end_of_input() { ended_ = true; }
  bool input_ended() const { return ended_; }
  // Reads what was fed, up to a request's being handed out at most. True: there is more that it could read.
  bool step();
  std::size_t unread() const { return input_.size(); }
  // step() has something to look at.
  bool has_more() const { return !input_.empty() || ended_; }

  phase now() const;
  // Of the last request; 0: there was none.
  std::uint64_t number() const { return number_; }
  bool streams() const { return streamed_; }
  // The next answer, or the rest of the one that has begun, is the last.
  void take_no_more() {
    requests_ = 0;
    keep_alive_ = false;
  }

  // The following are false, and do nothing, for another request than the one worked on, or one whose answer
  // is not where it would have to be.

  bool answer(std::uint64_t number, const http_response& response);
  // Begins an answer whose body, of `length` bytes where that is known, follows by write() up to end(); the
  // response's own is not sent. A client of HTTP/1.0 sees the end of an unknown length by the connection's;
  // one that waits to be told to send its body is, if the status is below 300.
  bool begin(std::uint64_t number, const http_response& head, std::optional<std::uint64_t> length);
  // More than the length said breaks it off, as does an end before it. Nothing leaves where an answer has no
  // body, as one to HEAD.
  bool write(std::uint64_t number, std::string_view bytes);
  // How many of the next bytes of an answer whose length was said may go to the client by another way than
  // on_bytes(); they count as written once passed() says so.
  std::uint64_t may_pass(std::uint64_t number) const;
  void passed(std::uint64_t bytes) { *left_ -= bytes; }
  bool end(std::uint64_t number);
  bool break_off(std::uint64_t number);
  // More bytes of a streamed body may be handed out.
  bool grant(std::uint64_t number, std::size_t bytes);
  // Answers with 101, which says Connection: Upgrade by itself; what the client has sent behind the request
  // comes back. Not for a request that asks for no upgrade, or has a body.
  std::optional<std::string> upgrade(std::uint64_t number, const http_response& head);

  // The client did not do in time what it is waited for: 408 where a request had begun.
  void time_out();
  // The connection is no more.
  void gone();

 private:
  enum class reading : std::uint8_t { idle, head, body, done };
  enum class answering : std::uint8_t { none, owed, begun };
  enum class ending : std::uint8_t { open, closing, broken, upgraded };

  bool reads() const { return now() <= phase::body; }
  bool takes_nothing() const {
    return answering_ == answering::begun && reading_ == reading::done && !keep_alive_;
  }
  void read_some();
  void begin_body();
  void end_request();
  void keep_body();
  void let_go_on();
  bool is_owed(std::uint64_t number) const;
  bool is_begun(std::uint64_t number) const;
  bool may_stay(bool whole) const;
  void end_answer();
  void refuse(int status, std::string_view why);
  void leave(ending how);

  http_reader reader_;
  std::uint64_t requests_;
  events& to_;
  unfinished_bytes::share unfinished_; // of a body that is put together
  std::string input_;                  // not read yet
  http_request request_;
  std::uint64_t number_ = 0;
  std::size_t credit_ = 0;
  std::optional<std::uint64_t> left_; // of an answer whose length was said
  reading reading_ = reading::idle;
  answering answering_ = answering::none;
  ending ending_ = ending::open;
  bool ended_ = false;    // the client sends nothing more
  bool has_body_ = false; // the request
  bool streamed_ = false;
  bool expects_ = false; // to be told to send its body, of a streamed one
  bool keep_alive_ = false;
  bool bodyless_ = false; // the answer
  bool chunked_ = false;  // the answer
};

} // namespace coppice::net
