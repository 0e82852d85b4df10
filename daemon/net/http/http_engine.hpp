// SPDX-License-Identifier: MIT
// The HTTP parser library behind http_reader: llhttp, or its predecessor http-parser where the distribution
// has no llhttp (meson.build chooses; one http_engine_*.cpp for each). It gets only the heads of requests and
// knows only their syntax. Meaning, bounds and bodies belong to http_reader. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace coppice::net {

class http_engine {
 public:
  // Parts of a head, in the pieces in which they come. False ends the parsing: feed() returns `failed`.
  class events {
   public:
    virtual bool on_target(std::string_view part) = 0;
    virtual bool on_field(std::string_view part) = 0;
    virtual bool on_value(std::string_view part) = 0;
    virtual bool on_head() = 0;

   protected:
    ~events() = default;
  };

  enum class state { more, complete, failed };
  // Why the parser failed. none: an event ended it.
  enum class fault { none, syntax, method, version };

  explicit http_engine(events& to);
  ~http_engine();
  http_engine(const http_engine&) = delete;
  http_engine& operator=(const http_engine&) = delete;

  struct outcome {
    std::size_t consumed = 0; // at `complete`: up to the end of the request
    state now = state::more;
  };
  // Parses up to the end of the head. `complete` means that the head announces no body. After `complete` or
  // `failed` only reset() is allowed.
  outcome feed(std::string_view bytes);
  // Prepares for the next request.
  void reset();

  // Valid from on_head() on.
  std::string_view method() const;
  unsigned major() const;
  unsigned minor() const;
  fault why() const;

 private:
  struct parser;
  std::unique_ptr<parser> parser_;
};

} // namespace coppice::net
