// SPDX-License-Identifier: MIT
// A TCP listener: it accepts connections and makes an actor for each, on the worker that has the fewest. A
// derived class may make another process instead. These processes are its children, though not a
// supervisor's: none is started again, and one that fails costs only its own connection. When the listener
// is to stop, it accepts no more and lets the connections finish what has come. In the process's own turn,
// which stays on one worker.
#pragma once

#include <any>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "behaviours/gen/server.hpp"
#include "behaviours/streams/tcp_counters.hpp"
#include "behaviours/streams/tcp_spec.hpp"
#include "behaviours/supervision/supervision.hpp"
#include "metrics/board.hpp"
#include "net/listening/listener.hpp"
#include "runtime/structures/flat_table.hpp"

namespace coppice::behaviours {

struct accepted_stream;

// An order to a listener (pending_orders). The specification holds for connections that come from now on.
// Answered ok.
struct tcp_order {
  std::shared_ptr<const tcp_spec> spec;
};

class tcp_listener : public server {
 public:
  // The behaviours that listeners are shown as.
  static constexpr std::string_view shown_as_tcp = "tcp";
  static constexpr std::string_view shown_as_web = "web";

  // `label`: its place in the tree; `shown_as`: its behaviour in the inspection, and the module of its log
  // lines.
  tcp_listener(std::shared_ptr<const tcp_spec> spec, std::shared_ptr<const supervision> shared,
               runtime::message env, std::string label, std::string_view shown_as = shown_as_tcp);
  ~tcp_listener() override;

  runtime::outcome init(runtime::process& self) override;
  void died(runtime::process&) noexcept override { close(); }
  void terminate(runtime::process& self, const runtime::message& reason) override;
  void describe(runtime::description& out) const override { out.behaviour = kind_; }

  static bool is_one(const runtime::description& process) {
    return (process.behaviour == shown_as_tcp || process.behaviour == shown_as_web) && process.plugin.empty();
  }
  // Requests for a process of this node to call a listener with: it accepts no more connections, or accepts
  // them again. Open connections go on. Answered `ok`.
  static runtime::message suspend_request();
  static runtime::message resume_request();

 protected:
  runtime::outcome take_io(runtime::process& self) override;
  runtime::outcome take_call(runtime::process& self, const runtime::message& whole, etf::bytes from,
                             etf::bytes request) override;
  runtime::outcome take_cast(runtime::process&, const runtime::message&, etf::bytes) override {
    return runtime::carry_on();
  }
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  runtime::message sys_state(runtime::process& self) override { return write_report(self); }
  runtime::message engine_for_people(runtime::process& self) override { return write_report(self); }
  std::string sys_module() const override { return std::string(kind_); }
  bool obeys_peers(const runtime::process& self) const override {
    return shared_->rights.may_supervise(self.name());
  }

  // Hooks for listeners of other protocols. Makes the process of a connection.
  virtual base::result<std::unique_ptr<runtime::behaviour>> make_actor(runtime::process& self,
                                                                       accepted_stream stream) const;
  // The specification that an order contains. Null: the order is not for this listener.
  virtual std::shared_ptr<const tcp_spec> adopted(const std::any& order);
  // The notice that the processes of connections get when the listener stops.
  virtual std::string_view draining_notice() const;
  // More pairs of its report: their number, and a function that writes them.
  virtual std::uint32_t own_pairs() const { return 0; }
  virtual void write_own_pairs(runtime::message_writer&) const {}

  const std::string& label() const { return label_; }
  const supervision& shared() const { return *shared_; }

 private:
  struct place {
    net::listener socket;
    std::shared_ptr<net::tls_source> tls; // null: none
    std::string shown;
  };
  struct arrival {
    net::accepted_socket socket;
    std::size_t at = 0; // index in places_
  };

  const tcp_spec& spec() const { return *spec_; }
  base::status open(runtime::process& self);
  base::status open(runtime::process& self, const tcp_place& where);
  void accepted(runtime::process& self, net::accepted_socket socket, std::size_t at);
  void ask_for_turn(runtime::process& self);
  void start_actor(runtime::process& self, arrival one);
  void tell_no_actor(std::string_view why) const;
  void ended(const runtime::pid& pid, const runtime::message& reason);
  bool is_order(const runtime::message& asked) const;
  runtime::message adopt(const runtime::message& asked);
  void count_refused() const;
  void set_suspended(bool on);
  void close() noexcept;
  // Waits until all connections' processes have ended. False: some have not at `until`.
  bool wait_for_all(runtime::process& self, base::nanos until);
  runtime::message write_report(runtime::process& self);
  std::string shown_places() const;

  const std::string_view kind_;
  std::shared_ptr<const tcp_spec> spec_;
  std::shared_ptr<const supervision> shared_;
  net::socket_store* const sockets_; // null: no sockets are kept or passed
  runtime::message env_;
  std::string label_;
  std::vector<place> places_;
  std::deque<arrival> arrivals_;
  struct connection {
    std::uint32_t worker = 0;    // its worker
    net::connection_slot slot{}; // so that it also counts until its process has ended
  };
  std::shared_ptr<net::connection_limit> limit_; // counts each until its socket is closed, wherever it is
  runtime::flat_table<runtime::pid, connection, runtime::pid_hash> connections_;
  std::vector<std::uint32_t> on_worker_; // connections on each worker
  std::shared_ptr<tcp_counters> counters_ = std::make_shared<tcp_counters>();
  metrics::board::entry on_board_;
  base::nanos began_ = 0;
  bool asked_ = false;     // take_io() will be called
  bool suspended_ = false; // by an operator
};

} // namespace coppice::behaviours
