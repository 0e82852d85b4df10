// SPDX-License-Identifier: MIT
// The EPMD of a node. In mode auto it serves if no other EPMD holds the port, and is a client otherwise. When
// the EPMD that it is a client of ends, it takes the port over, or registers with the process that took it
// first. Failures are retried with back-off and jitter, without end. The loop's thread.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "base/uv.hpp"
#include "epmd/protocol.hpp"
#include "epmd/registration.hpp"
#include "epmd/server.hpp"
#include "net/listening/socket_store.hpp"

namespace coppice::epmd {

enum class mode { automatic, client, serve, off };

std::optional<mode> parse_mode(std::string_view name); // auto, client, serve, off; nothing: none of these
std::string_view mode_name(mode of);

struct embedded_options {
  epmd::mode mode = mode::automatic;
  // Where to register and to serve. Port 0: serves on any port (tests).
  base::socket_address address;
  // Serve on loopback only, which is enough as long as all distribution listeners do so. False: on all
  // addresses.
  bool loopback_only = true;
  node_info node;
  // Where the listening sockets and a registration's connection are kept; outlives the embedded EPMD. Null:
  // nowhere.
  net::socket_store* sockets = nullptr;
  std::chrono::milliseconds first_delay{50};
  std::chrono::milliseconds max_delay{2000};
};

class embedded {
 public:
  enum class state {
    off,
    starting, // no attempt has ended yet
    serving,
    registered, // a client, and registered
    waiting,    // neither; another attempt follows
  };

  // `on_change` is called after every change of state, never inside start() or stop(). It may not destroy the
  // embedded EPMD.
  embedded(uv_loop_t* on, embedded_options options, std::function<void()> on_change);
  embedded(const embedded&) = delete;
  embedded& operator=(const embedded&) = delete;
  ~embedded();

  // In mode serve: fails if the port is taken. The other modes always start and keep trying. If the name is
  // taken, the state is waiting and last_error().code is errc::exists.
  base::status start();
  // Unregisters and stops serving, except for what the store keeps.
  void stop();
  // Accepts no more clients and calls `done`, within this call or later, when all connected clients were
  // answered or their time is over. stop() comes next. Without a store: calls `done` at once.
  void wind_up(std::function<void()> done);

  state current() const { return state_; }
  // For people: "serving on port 4369, 3 nodes", "registered at 127.0.0.1:4369", "waiting: EPMD at
  // 127.0.0.1:4369: …".
  std::string text() const;
  const base::error& last_error() const { return last_error_; }
  // The creation that EPMD proposed at the last registration. The node keeps its own.
  std::uint32_t creation() const { return creation_; }
  // The port that it serves on, else the configured one.
  std::uint16_t port() const;
  // Null unless it serves.
  const server* serving() const { return server_.get(); }

 private:
  void attempt();
  bool try_serve();
  void try_register();
  // Takes over the registration of the previous process. False: there is none.
  bool try_resume();
  void registration_event(base::result<std::uint32_t> event);
  void retry_after(base::error why);
  void enter(state next);
  void look_whether_answered();

  uv_loop_t* loop_;
  embedded_options options_;
  std::function<void()> on_change_;
  base::uv::timer retry_;
  std::unique_ptr<server> server_;
  std::unique_ptr<registration> registration_;
  state state_ = state::off;
  base::error last_error_;
  std::uint32_t creation_ = 0;
  std::chrono::milliseconds delay_;
  std::function<void()> wound_up_;
  base::nanos wound_up_by_ = 0; // monotonic clock
};

} // namespace coppice::epmd
