// SPDX-License-Identifier: MIT
// Reads one HTTP/1.x request after the other from bytes as they come. Strict where leniency lets two readers
// disagree about where a request ends: line ends are CR LF, no line is folded, a length is said once and in
// one way. The head is scanned for its end apart from the parser, and both must agree. A body is put together
// or handed out as it comes. Everything it keeps is bounded. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/http/http_chunks.hpp"
#include "net/http/http_engine.hpp"
#include "net/http/http_message.hpp"

namespace coppice::net {

struct http_limits {
  std::size_t target = 8 << 10; // bytes of the request's target; beyond: 414
  std::size_t head = 16 << 10;  // of request line and headers, of trailers again; beyond: 431. At most 64 KiB
  std::size_t headers = 100;    // beyond: 431
  std::size_t body = 1 << 20;   // bytes, without the chunks' own; beyond: 413
};

// Finds the end of a head: an empty line. Refuses a CR or an LF without the other and a line that begins with
// white space, which would continue the one before.
class http_head_scan {
 public:
  enum class state { more, done, malformed };
  // Takes bytes up to the head's end, at most; says how many.
  std::size_t feed(std::string_view bytes);
  state now() const;

 private:
  enum class place : std::uint8_t { before, before_lf, line, line_lf, line_start, end_lf, done, malformed };
  static place after(place at, char c);
  place at_ = place::before;
};

class http_reader final : private http_engine::events {
 public:
  // A request goes from `nothing` to `complete` or `failed`.
  enum class state { nothing, head, body, complete, failed };
  // The status to answer with, and a sentence. The connection can't go on afterwards.
  struct failure {
    int status = 0;
    std::string_view why;
  };

  explicit http_reader(const http_limits& limits) : limits_(limits), engine_(*this) {}

  // Takes bytes up to the end of the head or of the request, at most; says how many. At `complete` and
  // `failed` none.
  std::size_t feed(std::string_view bytes);
  state now() const { return state_; }
  const failure& why() const { return failure_; }
  // The head says that the client sends the body once it is told to (100); true once.
  bool take_expectation();
  // At `body` and `complete`, and once its head is understood: the request, with as much of its body as has
  // come and was not taken.
  const http_request& request() const { return request_; }
  // At `body` and `complete`: this body's own bound, if it is lower than that of all. False: what the head
  // says is beyond it, and the reader has failed.
  bool bound_body(std::size_t bytes);
  // The head was read to its end, and says what is asked of whom; its body may be wrong. Until take().
  bool is_understood() const { return understood_; }
  // What has come of the body since the last time; a bound still counts all of it.
  std::string take_body();
  // At `complete`: the request; the reader then waits for the next one.
  http_request take();

 private:
  std::size_t skip_empty_lines(std::string_view bytes);
  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);
  bool fail(int status, std::string_view why);
  void fail_as_engine();
  std::size_t feed_chunks(std::string_view bytes);
  bool add_body(std::string_view part);

  bool on_target(std::string_view part) override;
  bool on_field(std::string_view part) override;
  bool on_value(std::string_view part) override;
  bool on_head() override;

  bool check_headers();
  bool check_length();
  bool check_target();
  bool check_expectation();

  const http_limits limits_;
  http_engine engine_;
  http_head_scan scan_;
  state state_ = state::nothing;
  failure failure_;
  http_request request_;
  std::size_t head_bytes_ = 0;
  std::size_t most_body_ = 0;
  std::size_t body_bytes_ = 0; // that have come
  std::uint64_t length_ = 0;   // of a body whose length is said
  bool chunked_ = false;
  http_chunks chunks_;
  bool letter_first_ = false; // the request began with an upper case letter, as methods do
  bool in_value_ = false;
  bool head_over_ = false; // on_head() was called
  bool expects_ = false;
  bool understood_ = false;
};

} // namespace coppice::net
