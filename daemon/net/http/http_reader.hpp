// SPDX-License-Identifier: MIT
// Reads HTTP/1.x requests one after the other from bytes as they come. Strict where leniency would let two
// readers disagree about the end of a request: line ends are CR LF, no line is folded, a length is given once
// and in one way. A scan finds the end of the head apart from the parser, and both must agree. A body is
// collected, or handed out as it comes. Everything kept is bounded. One thread.
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
  std::size_t head = 16 << 10; // bytes of the request line and headers together, and of the trailers; beyond:
                               // 431. At most 64 KiB
  std::size_t headers = 100;   // how many; beyond: 431
  std::size_t body = 1 << 20;  // bytes, without the chunks' own; beyond: 413
};

// Finds the end of a head: an empty line. Refuses a CR or LF without the other, and a line that begins with
// white space, which would continue the line before it.
class http_head_scan {
 public:
  enum class state { more, done, malformed };
  // Takes bytes up to the end of the head. Returns how many.
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
  // The status to answer with, and a sentence. The connection cannot go on after a failure.
  struct failure {
    int status = 0;
    std::string_view why;
  };

  explicit http_reader(const http_limits& limits) : limits_(limits), engine_(*this) {}

  // Takes bytes up to the end of the head or of the request. Returns how many; none in `complete` and
  // `failed`. `most`: bytes of the body to take, at least 1; what stands between chunks is not counted.
  std::size_t feed(std::string_view bytes, std::size_t most = SIZE_MAX);
  state now() const { return state_; }
  const failure& why() const { return failure_; }
  // Whether the client waits for a 100 (Continue) before it sends the body. True at most once for a request.
  bool take_expectation();
  // The request, with the part of its body that has come and was not taken. Valid in `body` and `complete`,
  // and as soon as is_understood().
  const http_request& request() const { return request_; }
  // Lowers the bound of this body, in `body` and `complete`. False: the body, or its announced length, is
  // beyond the bound, and the reader has failed.
  bool bound_body(std::size_t bytes);
  // Whether the head was read completely and its method, target and headers are sound; its body may be wrong.
  // Until take().
  bool is_understood() const { return understood_; }
  // Takes what has come of the body since the last call. Bounds still count all of it.
  std::string take_body();
  // In `complete`: takes the request; the reader then waits for the next one.
  http_request take();

 private:
  std::size_t skip_empty_lines(std::string_view bytes);
  std::size_t feed_head(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes, std::size_t most);
  bool fail(int status, std::string_view why);
  void fail_as_engine();
  std::size_t feed_chunks(std::string_view bytes, std::size_t most);
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
  std::size_t body_bytes_ = 0; // received so far
  std::uint64_t length_ = 0;   // Content-Length; 0: none
  bool chunked_ = false;
  http_chunks chunks_;
  bool letter_first_ = false; // the request began with an upper case letter, as methods do
  bool in_value_ = false;
  bool head_over_ = false; // on_head() was called
  bool expects_ = false;
  bool understood_ = false;
};

} // namespace coppice::net
