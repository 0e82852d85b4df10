// SPDX-License-Identifier: MIT
// The EPMD in a node: in mode auto it serves when nobody else does and is a client otherwise; when the
// one it is a client of dies it takes the port over, or registers with whoever took it first. Bad
// moments are retried with back-off and jitter, never given up. The loop's thread.
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

std::optional<mode> parse_mode(std::string_view name); // auto, client, serve, off
std::string_view mode_name(mode of);

struct embedded_options {
  epmd::mode mode = mode::automatic;
  // Where to register and to serve; port 0 serves anywhere (tests).
  base::socket_address address;
  // Serve on loopback only: right as long as every distribution listener does. Otherwise on all addresses.
  bool loopback_only = true;
  node_info node;
  // Where the listening sockets, and the connection of a registration, are kept; outlives the embedded EPMD.
  // Null: nowhere.
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

  // `on_change` is called after every change of state, never inside start() or stop(); it may not destroy
  // the embedded EPMD.
  embedded(uv_loop_t* on, embedded_options options, std::function<void()> on_change);
  embedded(const embedded&) = delete;
  embedded& operator=(const embedded&) = delete;
  ~embedded();

  // Mode serve fails when the port is taken. The others start in any case and keep trying; a name that is
  // taken already shows as state waiting with last_error().code errc::exists.
  base::status start();
  // Unregisters and stops serving, as far as the store does not keep it.
  void stop();
  // Accepts nobody any more, and calls `done`, within this call or later, when all who had connected have
  // been answered, or their time is over; stop() comes next. Without a store at once.
  void wind_up(std::function<void()> done);

  state current() const { return state_; }
  // For people: "serving on port 4369, 3 nodes", "registered at 127.0.0.1:4369",
  // "waiting: EPMD at 127.0.0.1:4369: …".
  std::string text() const;
  const base::error& last_error() const { return last_error_; }
  // What EPMD proposed at the last registration; the node keeps its own.
  std::uint32_t creation() const { return creation_; }
  // The port served on, else the one configured.
  std::uint16_t port() const;
  // While serving.
  const server* serving() const { return server_.get(); }

 private:
  void attempt();
  bool try_serve();
  void try_register();
  // Goes on with the registration of the process before this one. False: there is none.
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
  base::nanos wound_up_by_ = 0; // of the monotonic clock
};

} // namespace coppice::epmd
