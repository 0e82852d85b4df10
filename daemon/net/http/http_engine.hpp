// SPDX-License-Identifier: MIT
// The parser library behind http_reader: llhttp, or http-parser, its predecessor, where the distribution has
// no llhttp (meson.build finds out; http_engine_*.cpp are the two). It knows the syntax of heads, and is
// given nothing else; what a server makes of it, every bound, and the body, is http_reader's. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace coppice::net {

class http_engine {
 public:
  // What is found in a request, in pieces as they come. False ends it: feed() says `failed`.
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
  // Why it failed, where that is not the events' doing.
  enum class fault { none, syntax, method, version };

  explicit http_engine(events& to);
  ~http_engine();
  http_engine(const http_engine&) = delete;
  http_engine& operator=(const http_engine&) = delete;

  struct outcome {
    std::size_t consumed = 0; // at `complete`: up to the request's end
    state now = state::more;
  };
  // Up to the head's end. After `complete`, which is where the head says that there is no body, or `failed`
  // only reset() is allowed.
  outcome feed(std::string_view bytes);
  // For the next request.
  void reset();

  // From on_head() on.
  std::string_view method() const;
  unsigned major() const;
  unsigned minor() const;
  fault why() const;

 private:
  struct parser;
  std::unique_ptr<parser> parser_;
};

} // namespace coppice::net
