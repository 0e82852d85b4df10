// SPDX-License-Identifier: MIT
// One connection of an HTTP/1.x server without its socket and its clock: bytes from the client go in,
// requests and bytes for the client come out. Requests are worked on one at a time and answered in order. A
// body is collected, or handed out as it comes within a credit. An answer is given whole or in pieces. The
// session itself answers malformed requests and expectations of 100. One thread; events may call back into
// the session.
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

// How the body of a request is to be taken.
struct http_body_plan {
  bool streamed = false; // true: handed out in pieces, within the credit; false: collected into the request
  std::size_t limit = SIZE_MAX;  // bytes; beyond: 413. http_limits::body holds in any case
  std::size_t credit = 64 << 10; // of a streamed body: bytes handed out before grant() is needed
};

class http_session {
 public:
  // Requests are numbered from 1.
  class events {
   public:
    // Called for a request with a body, before any of it is read.
    virtual http_body_plan plan_body(const http_request& asked) = 0;
    // A request to be answered under its number: whole, or the head if its body is streamed.
    virtual void on_request(const http_request& asked, std::uint64_t number) = 0;
    // A part of a streamed body; empty only if it is the last.
    virtual void on_body(std::uint64_t number, std::string_view part, bool last) = 0;
    // The answer, or the rest of it, is no longer wanted: the client is gone, or its body was wrong.
    virtual void on_abandoned(std::uint64_t number) = 0;
    // The session is about to refuse the request by itself; headers may be added to the answer, which is sent
    // unless another answer has begun. `asked`: the head of the request. Null: the head was not understood.
    virtual void on_refusal(const http_request* /*asked*/, http_response& /*answer*/) {}
    // An answer has begun, by the owner or by the session itself.
    virtual void on_answered(int status) = 0;
    // Bytes to send to the client.
    virtual void on_bytes(std::string_view bytes) = 0;

   protected:
    ~events() = default;
  };

  // What the session waits for.
  enum class phase : std::uint8_t {
    waiting,   // a request's first byte
    head,      // the rest of a request's head
    body,      // the rest of a request's body
    held,      // credit for a streamed body
    answering, // the owner's answer, or the rest of it
    closing,   // nothing: the owner closes the connection when all is sent
    broken,    // nothing: the owner closes the connection at once, because the last answer is not whole
    upgraded,  // nothing: the connection belongs to another protocol
  };

  // `requests`: the most on this connection; then it closes. `unfinished`: bounds the collected bodies of all
  // sessions together; beyond: 503. It outlives the session. Null: no bound.
  http_session(const http_limits& limits, std::uint64_t requests, events& to,
               unfinished_bytes* unfinished = nullptr)
      : reader_(limits), requests_(requests), to_(to), unfinished_(unfinished) {}

  // Keeps the client's bytes for step(). Bytes behind the connection's last request are dropped once it can
  // no longer be upgraded, so that the end of the connection is seen behind them.
  void feed(std::string_view bytes) {
    if (!takes_nothing()) input_ += bytes;
  }
  // The client sends nothing more.
  void end_of_input() { ended_ = true; }
  bool input_ended() const { return ended_; }
  // Reads from what was fed, up to one request. True: there is more to read.
  bool step();
  std::size_t unread() const { return input_.size(); }
  // Whether step() has anything to look at.
  bool has_more() const { return !input_.empty() || ended_; }

  phase now() const;
  // The number of the last request. 0: there was none.
  std::uint64_t number() const { return number_; }
  bool streams() const { return streamed_; }
  // The current request, or else the next one, is the last.
  void take_no_more() {
    requests_ = 0;
    keep_alive_ = false;
  }

  // answer(), begin(), write(), end(), break_off() and grant() return false and do nothing if `number` is not
  // the current request, or its answer is not in the state for the call.

  bool answer(std::uint64_t number, const http_response& response);
  // Begins an answer whose body follows by write() up to end(); the body of `head` is not sent. `length`:
  // bytes of the body. Empty: unknown; a client of HTTP/1.0 then sees its end by the end of the connection.
  // If the status is below 300, a client that waits for a 100 (Continue) gets it first.
  bool begin(std::uint64_t number, const http_response& head, std::optional<std::uint64_t> length);
  // Sends a part of the body. More than the announced length breaks the answer off, as does an end() before
  // it. The bytes are dropped if the answer has no body, as the answer to a HEAD.
  bool write(std::uint64_t number, std::string_view bytes);
  // How many of the next bytes may reach the client by another way than on_bytes(), if the answer's length
  // was announced; 0 otherwise. They count as written when passed() is called.
  std::uint64_t may_pass(std::uint64_t number) const;
  void passed(std::uint64_t bytes) { *left_ -= bytes; }
  bool end(std::uint64_t number);
  bool break_off(std::uint64_t number);
  // Allows so many more bytes of a streamed body.
  bool grant(std::uint64_t number, std::size_t bytes);
  // Answers with 101, adding Connection: Upgrade, and returns what the client has sent behind the request.
  // Empty: the request asks for no upgrade, or has a body.
  std::optional<std::string> upgrade(std::uint64_t number, const http_response& head);

  // The client was too slow. Answers with 408 if a request had begun.
  void time_out();
  // The connection has ended.
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
  unfinished_bytes::share unfinished_; // share of the body that is being collected
  std::string input_;                  // not read yet
  http_request request_;
  std::uint64_t number_ = 0;
  std::size_t credit_ = 0;
  std::optional<std::uint64_t> left_; // bytes left of an answer with an announced length
  reading reading_ = reading::idle;
  answering answering_ = answering::none;
  ending ending_ = ending::open;
  bool ended_ = false;    // the client sends nothing more
  bool has_body_ = false; // the current request has a body
  bool streamed_ = false;
  bool expects_ = false; // the client waits for a 100 (Continue)
  bool keep_alive_ = false;
  bool bodyless_ = false; // the answer has no body
  bool chunked_ = false;  // the answer is chunked
};

} // namespace coppice::net
