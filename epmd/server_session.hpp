// SPDX-License-Identifier: MIT
// One client of the EPMD server: collects its request, answers it, and holds its registration. Internal
// to the server, which owns it; server::forget destroys it, also from its own callbacks. The loop's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/buffer.hpp"
#include "base/uv.hpp"
#include "epmd/server.hpp"
#include "net/stream.hpp"

namespace coppice::epmd {

// The owner of registrations that have no session; session ids start at 1.
constexpr std::uint64_t own_registration = 0;

class server::session final : public net::stream_handler {
 public:
  session(server& of, std::uint64_t id, net::stream stream);
  ~session();

  void begin();

  void on_data(base::bytes_span bytes) override;
  void on_closed(base::error why) override;

 private:
  void answer(const request& asked);
  void answer(const alive_request& asked);
  void answer(const port_request& asked);
  void answer(names_request);
  void answer(dump_request);
  void answer(kill_request);
  void answer(const stop_request& asked);

  // Sends and ends the session: nothing may be touched afterwards.
  void reply_and_forget(base::buffer& reply);
  void forget();
  bool refuse_remote(const char* what);
  bool is_local() const;

  server& server_;
  std::uint64_t id_;
  net::stream stream_;
  base::uv::timer deadline_;
  base::buffer received_;
  std::string registered_; // the name this connection holds, if any
};

struct server::sessions {
  std::map<std::uint64_t, std::unique_ptr<session>> by_id;
  std::uint64_t last_id = own_registration;
};

} // namespace coppice::epmd
