// SPDX-License-Identifier: MIT
// What the connections of a web server share: what it was told, as it is now, and what they count. A reload
// puts another site in the place of the one there is; each request is answered by the one that was there when
// it came. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "behaviours/web/web_spec.hpp"
#include "net/unfinished_bytes.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

// Of the requests that went to one route.
class route_counters {
 public:
  // `took`: from the request's end to its answer.
  void count(int status, base::nanos took);
  std::uint64_t requests() const;
  std::uint64_t errors() const { return errors_.load(std::memory_order_relaxed); } // answered with 5xx
  // How long the share `of` of them, 0 to 1, took at most: µs, to within the step between two buckets, a
  // quarter; 0: there were none.
  std::uint64_t percentile(double of) const;

 private:
  // Of the powers of 2 of µs each has four; the last has all that is longer.
  static constexpr std::size_t buckets = 112;
  static std::size_t bucket_of(std::uint64_t microseconds);
  static std::uint64_t bound_of(std::size_t bucket);
  std::atomic<std::uint64_t> errors_{0};
  std::array<std::atomic<std::uint64_t>, buckets> took_{};
};

class web_site {
 public:
  explicit web_site(std::shared_ptr<const web_spec> spec)
      : spec_(std::move(spec)), counters_(spec_->routes.size()) {}

  const web_spec& spec() const { return *spec_; }
  route_counters& counters(std::size_t route) { return counters_[route]; }
  const route_counters& counters(std::size_t route) const { return counters_[route]; }

  // What a request comes to by its head: a route and what stood at its parameters, or a status.
  struct found {
    int status = 0;        // 0: there is a route; 400; 404; 405; 421; 204: asked is what the path takes
    std::size_t route = 0; // index
    base::path_parameters parameters{};
    std::string allow{};                 // of 405 and 204: the methods it takes
    bool is_preflight = false;           // of 204: a page of another origin asks for leave, and has it
    std::vector<std::string> segments{}; // with a route, as is:
    base::path_parameters query{};
  };
  found place(const net::http_request& asked) const;
  found find(std::string_view method, const std::vector<std::string>& segments) const;
  // Requests for this host and port are taken.
  bool takes_host(std::string_view authority) const;

 private:
  const std::shared_ptr<const web_spec> spec_;
  std::vector<route_counters> counters_;
};

class web_sites {
 public:
  // `env` and `label` are of the actors that routes make for clients: the application's, and the server's
  // place in the tree.
  web_sites(std::shared_ptr<const web_spec> first, runtime::message env, std::string label);

  const runtime::message& env() const { return env_; }
  const std::string& label() const { return label_; }

  void set(std::shared_ptr<const web_spec> next);
  std::shared_ptr<web_site> now() const;
  // now() gives another one than at the time of an earlier number.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // False: as many requests as may wait for an answer; else leave() has to follow.
  bool enter(const web_site& by);
  void leave() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  void count(int status);
  // Of bodies and WebSocket messages.
  net::unfinished_bytes& unfinished() { return unfinished_; }
  // Of the actors that routes have made for clients.
  void actor_began() { actors_.fetch_add(1, std::memory_order_relaxed); }
  void actor_ended() { actors_.fetch_sub(1, std::memory_order_relaxed); }

  // Pairs of a map: in_flight, client_actors, answered (how many with which status) and routes, with what
  // they count since the last reload.
  static constexpr std::uint32_t report_pairs = 4;
  void write_report(runtime::message_writer& out) const;

 private:
  static constexpr int first_status = 100;
  const runtime::message env_;
  const std::string label_;
  mutable std::mutex lock_; // of site_
  std::shared_ptr<web_site> site_;
  std::atomic<std::uint64_t> version_{1};
  net::unfinished_bytes unfinished_;
  std::atomic<std::uint32_t> in_flight_{0};
  std::atomic<std::uint32_t> actors_{0};
  std::array<std::atomic<std::uint64_t>, 500> answered_{}; // by status, from first_status on
};

} // namespace coppice::behaviours
