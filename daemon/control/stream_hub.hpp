// SPDX-License-Identifier: MIT
// The readers of /api/v1/stream. Once a second each document that has readers is made once, whatever their
// number, and its changes are sent to them. A document that takes long to make is made less often, and
// without readers nothing is made. The bytes that wait for a reader are bounded: a reader that does not take
// its bytes gets no more of them until it does, and is dropped by the server's deadline. A document that is
// too large for that bound is not sent: its readers are told so once, and get it whole when it is smaller.
// The HTTP thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log_ring.hpp"
#include "base/uv.hpp"
#include "net/http/http_server.hpp"

namespace coppice::control {

enum class topic : std::uint8_t { status, tree, nodes, log };
inline constexpr std::size_t topics = 4;

std::string_view text(topic which);
// nullopt: there is no topic of that name.
std::optional<topic> find_topic(std::string_view name);

struct stream_sources {
  // Makes status, tree or nodes, with all that there is.
  std::function<nlohmann::json(topic)> document;
  // Takes out of such a document what only the right `state` shows.
  std::function<void(topic, nlohmann::json&)> leave_out_terms;
  // Lines from this number on; 0: the newest ones.
  std::function<base::log::log_ring::page(std::uint64_t from)> lines;
  std::function<nlohmann::json(const base::log::log_ring::line&)> line_json;
  // Measures how long a document takes to make.
  std::function<base::nanos()> now = base::mono_now;
};

class stream_hub {
 public:
  // `most`: readers at once. `of` outlives the hub and is set by the time of the first open().
  stream_hub(uv_loop_t* loop, net::http_server*& of, stream_sources from, std::size_t most,
             std::chrono::milliseconds every = std::chrono::milliseconds(1000));

  bool is_full() const { return has_ended_ || readers_.size() >= most_; }
  std::size_t open_readers() const { return readers_.size(); }
  // Readers that did not take their bytes.
  std::uint64_t dropped() const { return dropped_; }

  // Begins the answer: each document whole, then its changes.
  void open(net::http_exchange to, std::vector<topic> wanted, bool terms);
  void writable(net::http_exchange to);
  // The reader has gone, or was dropped by the server.
  void left(net::http_exchange from);
  // Ends all answers. Nothing may be opened any more.
  void end();

  // The patch (RFC 6902) that makes `now` of `before`, or `now` whole if that is shorter. Empty: they are
  // equal.
  static std::string change(const nlohmann::json& before, const nlohmann::json& now);

  // The ticks for which a document is not made after it took `took` to make, with a tick of `every`, both in
  // ns: making it takes at most a hundredth of the time, however large the tree is.
  static std::uint64_t ticks_of_rest(base::nanos took, base::nanos every);

 private:
  using key = std::pair<std::uint64_t, std::uint64_t>;
  struct reader {
    net::http_exchange to;
    std::vector<topic> wanted;
    bool terms = false;
    bool is_slow = false;                // much waits for it: it gets nothing
    std::array<bool, topics> is_stale{}; // it has missed changes: it gets the document whole
    std::array<bool, topics> is_told{};  // it was told that the document is too large
    std::uint64_t missed = 0;            // lines of the log
    unsigned silent = 0;                 // ticks
  };
  // One of the two forms of a document, as its readers have it: with what only the right `state` shows, and
  // without.
  struct form {
    std::size_t readers = 0;
    nlohmann::json now;
  };
  struct shown {
    std::array<form, 2> forms;
    std::uint64_t rest = 0; // ticks until it is made again
    form& of(bool terms) { return forms[terms ? 1 : 0]; }
    bool has_readers() const { return forms[0].readers + forms[1].readers > 0; }
  };

  void tick();
  void send_changes(topic which);
  void send_change(topic which, bool terms, nlohmann::json now);
  nlohmann::json make(topic which, bool terms) const;
  void send_lines();
  std::string newest_lines();
  void send(reader& to, topic which, const std::string& data);
  void write(reader& to, const std::string& text);
  void sweep();
  shown& of(topic which) { return documents_[static_cast<std::size_t>(which)]; }

  net::http_server*& server_;
  stream_sources from_;
  const std::size_t most_;
  const std::chrono::milliseconds every_;
  base::uv::timer timer_;
  std::map<key, reader> readers_;
  std::vector<key> gone_; // to be removed when no walk through readers_ goes on
  std::array<shown, topics> documents_;
  std::uint64_t next_line_ = 0; // of the log; 0: there is no reader
  std::uint64_t dropped_ = 0;
  bool has_ended_ = false;
};

} // namespace coppice::control
