// SPDX-License-Identifier: MIT
// The processes of the workload `managers` that send requests to event managers: gen_event's functions, and
// checks of the answers. Ringers notify, call handlers, and add, delete and swap them. Owners add handlers,
// and are told of their ends. In the process's own turn.
// rooms: node
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../cluster.hpp"
#include "behaviours/gen/native_server.hpp"
#include "handler_log.hpp"
#include "runtime/process.hpp"

namespace coppice::simulated {

inline constexpr std::array<std::string_view, 2> bells{"bell_1", "bell_2"};
inline constexpr std::string_view alarm_bell = "alarm_bell"; // the manager of the bundled plugin's handler

// The managers of a host, and its owners. Never destroyed, because processes of a killed host never end.
struct host_state {
  std::array<manager_log*, bells.size()> managers{};
  std::vector<std::uint64_t> owners; // that live
};
using host_states = std::array<host_state, most_hosts>;

// The common part of the processes that send requests to managers.
class asker : public behaviours::native_server {
 public:
  asker(std::string kind, const cluster& of, host_states& hosts, unsigned host, std::uint64_t number)
      : native_server(std::move(kind)), of_(of), hosts_(hosts), host_(host), number_(number) {}
  std::optional<behaviours::peer_requests> from_peers() const override { return std::nullopt; }

 protected:
  struct target {
    unsigned host = 0;
    std::string_view name;
    runtime::destination to;
    manager_log* log = nullptr; // of the manager's life when it was chosen; null: none, or the plugin's
  };

  std::optional<target> choose(runtime::process& self, unsigned host, std::string_view name) const;
  std::optional<target> any(runtime::process& self) const;
  unsigned any_host() const;
  // One of the handlers that began last. Null: there are none.
  static handler_log* any_handler(const target& of);
  // Sends one of gen_event's requests, {Tag, Parts...}, or the Tag alone. Returns the answer's text. Empty:
  // there was none in time. `with_pid`: this process is the last part.
  std::string ask(runtime::process& self, const target& of, std::string_view tag,
                  std::initializer_list<std::string> parts, nanos timeout, bool with_pid = false) const;
  [[noreturn]] static void wrong(std::string_view invariant, const target& of, std::string_view asked,
                                 const std::string& answer);
  static nanos any_wait() { return draw_between(100 * millisecond, 2 * second); }
  static void go_on(runtime::process& self);

  const cluster& of_;
  host_states& hosts_;
  unsigned host_;
  std::uint64_t number_;
};

std::unique_ptr<runtime::behaviour> make_ringer(const cluster& of, host_states& hosts, unsigned host,
                                                std::uint64_t number);
std::unique_ptr<runtime::behaviour> make_owner(const cluster& of, host_states& hosts, unsigned host,
                                               std::uint64_t number);

} // namespace coppice::simulated
