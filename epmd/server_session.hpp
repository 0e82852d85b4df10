// SPDX-License-Identifier: MIT
// One client of the EPMD server: collects its request, answers it, and holds its registration. Private to the
// server, which owns it; server::forget() destroys it, also inside its own callbacks, so nothing may be
// touched after that call. The loop's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/buffer.hpp"
#include "base/uv.hpp"
#include "epmd/server.hpp"
#include "net/deadline.hpp"
#include "net/stream/stream.hpp"

namespace coppice::epmd {

class server::session final : public net::stream_handler {
 public:
  session(server& of, std::uint64_t id, net::stream stream);
  ~session();

  void begin();

  void on_data(base::bytes_span bytes) override;
  void on_closed(base::error why) override;
  void on_flushed() override { go_on_listing(); }
  void on_drained() override { go_on_listing(); }

 private:
  void answer(const request& asked);
  void answer(const alive_request& asked);
  void answer(const port_request& asked);
  void answer(names_request);
  void answer(dump_request);
  void answer(kill_request);
  void answer(const stop_request& asked);

  // Lists the registered nodes, and with `dumps_` then the former ones, part by part as the client takes
  // them. The first part is appended to `reply`.
  void list(base::buffer& reply);
  void go_on_listing();
  bool append_nodes(base::buffer& reply);
  // Sends the reply and ends the session, which is destroyed when this returns.
  void reply_and_forget(base::buffer& reply);
  void forget();
  bool refuse_remote(const char* what);
  bool is_local() const;

  server& server_;
  std::uint64_t id_;
  net::stream stream_;
  net::deadline deadline_;
  base::buffer received_;
  bool lists_ = false;
  bool dumps_ = false;
  std::string listed_;     // the last name that was listed; empty: none
  std::string registered_; // the name that this connection holds; empty: none
};

struct server::sessions {
  std::map<std::uint64_t, std::unique_ptr<session>> by_id;
  std::uint64_t last_id = own_registration;
};

} // namespace coppice::epmd
