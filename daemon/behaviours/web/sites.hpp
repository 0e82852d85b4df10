// SPDX-License-Identifier: MIT
// The state that the connections of a web server share: its current configuration (the site) and its
// counters. A reload replaces the site; a request is answered by the site that was current when it came. The
// counters of routes belong to the site, all others outlive it. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/web/web_spec.hpp"
#include "net/http/unfinished_bytes.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// Counters of the requests of one route.
class route_counters {
 public:
  // `took`: from the end of the request to its answer.
  void count(int status, base::nanos took);
  // Counts a request that waits for an answer. False: `most` wait already. True: leave() has to follow.
  bool enter(std::uint32_t most);
  void leave() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }

  std::uint64_t requests() const;
  // Requests answered with a status of this class, 1 to 5.
  std::uint64_t answered(std::size_t hundreds) const {
    return answered_[hundreds - 1].load(std::memory_order_relaxed);
  }
  std::uint64_t errors() const { return answered(5); }
  // How many requests took less than each of these times (µs; rising powers of 2 from 4 on), and at the end
  // how many there were in all.
  std::vector<std::uint64_t> took_less(const std::vector<std::uint64_t>& times) const;
  // Sum of the times of all requests, µs.
  std::uint64_t took() const { return sum_.load(std::memory_order_relaxed); }
  // The time, in µs, within which the share `of` (0 to 1) of the requests were answered, accurate to a
  // quarter (the width of a bucket). 0: there were none.
  std::uint64_t percentile(double of) const;

 private:
  // Each power of 2 (in µs) has four buckets; the last bucket also holds everything longer.
  static constexpr std::size_t buckets = 112;
  static std::size_t bucket_of(std::uint64_t microseconds);
  static std::uint64_t bound_of(std::size_t bucket);
  std::atomic<std::uint32_t> in_flight_{0};
  std::array<std::atomic<std::uint64_t>, 5> answered_{}; // by class of status
  std::atomic<std::uint64_t> sum_{0};                    // µs
  std::array<std::atomic<std::uint64_t>, buckets> took_{};
};

class web_site {
 public:
  explicit web_site(std::shared_ptr<const web_spec> spec)
      : spec_(std::move(spec)), counters_(spec_->routes.size()) {}

  const web_spec& spec() const { return *spec_; }
  route_counters& counters(std::size_t route) { return counters_[route]; }
  const route_counters& counters(std::size_t route) const { return counters_[route]; }

  // The result of matching a request's head: a route with its parameters, or a status.
  struct found {
    int status = 0;        // 0: there is a route; else 400, 404, 405, 421, or 204 (OPTIONS)
    std::size_t route = 0; // index
    base::path_parameters parameters{};
    std::string allow{};                 // for 405 and 204: the methods that the path takes
    bool is_preflight = false;           // for 204: an allowed preflight of another origin
    std::vector<std::string> segments{}; // set if there is a route, as query is
    base::path_parameters query{};
  };
  found place(const net::http_request& asked) const;
  found find(std::string_view method, const std::vector<std::string>& segments) const;
  // Whether the site takes requests for this host and port.
  bool takes_host(std::string_view authority) const;

 private:
  const std::shared_ptr<const web_spec> spec_;
  std::vector<route_counters> counters_;
};

// Why a client was refused or dropped because there was too much of something.
enum class web_overload : std::uint8_t {
  in_flight,      // requests that wait for an answer
  mailbox,        // the mailbox of the process that was asked, or its pool's queue
  slow_events,    // bytes queued for a client of events
  slow_websocket, // bytes queued for a client of a WebSocket
};
inline constexpr std::size_t web_overloads = 4;
std::string_view text(web_overload of);

class web_sites {
 public:
  // `env` and `label` are for the actors that routes make for clients: the application's environment, and the
  // server's place in the tree.
  web_sites(std::shared_ptr<const web_spec> first, runtime::message env, std::string label);

  const runtime::message& env() const { return env_; }
  const std::string& label() const { return label_; }

  void set(std::shared_ptr<const web_spec> next);
  std::shared_ptr<web_site> now() const;
  // Changes whenever now() returns another site than before.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // Counts a request that waits for an answer. False: as many wait already as may, in all or on this route.
  // True: leave() has to follow.
  bool enter(web_site& by, std::size_t route);
  void leave(web_site& by, std::size_t route);
  // For a request that entered: while `waits` for the client to send its body, it counts for its route only.
  // Afterwards it counts again even beyond the bound, because the client has done its part.
  void wait_for_client(bool waits);
  void count(int status);
  void count(web_overload of) {
    overloads_[static_cast<std::size_t>(of)].fetch_add(1, std::memory_order_relaxed);
  }
  // The bound of incomplete bodies and WebSocket messages.
  net::unfinished_bytes& unfinished() { return unfinished_; }
  const net::unfinished_bytes& unfinished() const { return unfinished_; }
  // Count the actors that routes have made for clients.
  void actor_began() { actors_.fetch_add(1, std::memory_order_relaxed); }
  void actor_ended() { actors_.fetch_sub(1, std::memory_order_relaxed); }

  // A connection's process stays for a while after its client has gone. False: as many do as may. True:
  // stop_lingering() has to follow.
  bool linger();
  void stop_lingering() noexcept { lingering_.fetch_sub(1, std::memory_order_relaxed); }

  // Writes report_pairs pairs of a map: in_flight, client_actors, answered (how many with each status), and
  // routes, whose counters begin at the last reload.
  static constexpr std::uint32_t report_pairs = 4;
  void write_report(runtime::message_writer& out) const;
  std::uint32_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  std::uint32_t client_actors() const { return actors_.load(std::memory_order_relaxed); }
  std::uint64_t overloads(web_overload of) const {
    return overloads_[static_cast<std::size_t>(of)].load(std::memory_order_relaxed);
  }
  // The statuses that were answered, and how often each.
  std::vector<std::pair<int, std::uint64_t>> answered() const;

 private:
  static constexpr int first_status = 100;
  static constexpr std::uint32_t most_lingering = 10'000;
  const runtime::message env_;
  const std::string label_;
  mutable std::mutex lock_; // guards site_
  std::shared_ptr<web_site> site_;
  std::atomic<std::uint64_t> version_{1};
  net::unfinished_bytes unfinished_;
  std::atomic<std::uint32_t> in_flight_{0};
  std::atomic<std::uint32_t> actors_{0};
  std::atomic<std::uint32_t> lingering_{0};
  std::array<std::atomic<std::uint64_t>, web_overloads> overloads_{};
  std::array<std::atomic<std::uint64_t>, 500> answered_{}; // by status, from first_status on
};

} // namespace coppice::behaviours
