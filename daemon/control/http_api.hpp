// SPDX-License-Identifier: MIT
// The node's page at / and its API at /api/v1. Commands run on the control thread, as commands of the
// control socket do; their answers come back through an inbox, so that the HTTP thread never waits for a
// process. The HTTP thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/log_ring.hpp"
#include "base/uv.hpp"
#include "control/api_access.hpp"
#include "control/command_table.hpp"
#include "control/event_followers.hpp"
#include "control/server.hpp"
#include "control/stream_hub.hpp"
#include "net/http/http_server.hpp"
#include "node/instance/instance.hpp"

namespace coppice::control {

class http_api {
 public:
  struct parts {
    node::instance& of;
    base::log::log_ring& lines;
    server& control; // runs the commands
  };

  struct limits {
    std::size_t streams = 0; // most readers of streams
    std::size_t waiting = 0; // most requests without the token that wait for something
  };

  // All parts outlive it.
  static base::result<std::unique_ptr<http_api>> make(const base::uv::loop& loop, const parts& on,
                                                      access_options who, const limits& most);
  ~http_api();
  http_api(const http_api&) = delete;

  // Sets the server that calls this object. Called before the first request.
  void use(net::http_server& over) { server_ = &over; }

  // Answers a request for the page or the API, now or later. False: it is for neither, or both are closed.
  bool handle(const net::http_request& asked, net::http_exchange from);
  const access_rules& access() const { return access_; }
  // The longest body that this request may have, in bytes.
  std::size_t body_limit(const net::http_request& asked) const;
  // Gives an answer that the server makes by itself, such as 413, the form of the API's errors. `asked`: null
  // where the head was not understood.
  void refusing(const net::http_request* asked, net::http_response& answer) const;
  void abandoned(net::http_exchange it);
  void writable(net::http_exchange it) { hub_.writable(it), followers_->writable(it); }
  // Ends the streams, which have no end of their own.
  void end_streams() { hub_.end(), followers_->end(); }
  std::size_t open_streams() const { return hub_.open_readers() + followers_->open_readers(); }
  std::uint64_t dropped_streams() const { return hub_.dropped() + followers_->dropped(); }

 private:
  class inbox;
  struct waiting {
    const command* what = nullptr;
    rights may;
    std::uint64_t request = 0; // its number at the control server
    bool is_bounded = false;   // it counts among limits::waiting
  };
  using key = std::pair<std::uint64_t, std::uint64_t>;

  http_api(const base::uv::loop& loop, const parts& on, access_options who, const limits& most);

  net::http_response answer_page(const net::http_request& asked, std::string_view name) const;
  void answer_api(const net::http_request& asked, net::http_exchange from);
  caller caller_of(const access_rules::verdict& who, net::http_exchange from) const;
  void run(const command& what, const net::http_request& asked, const access_rules::verdict& who,
           net::http_exchange from);
  void open_stream(const net::http_request& asked, const access_rules::verdict& who, net::http_exchange from);
  void open_topics(std::string_view names, const access_rules::verdict& who, net::http_exchange from);
  void open_event(const std::string& name, const std::optional<std::string>& since,
                  const access_rules::verdict& who, net::http_exchange from);
  // False: there are as many readers as there may be, and the request is refused.
  bool has_room(net::http_exchange from);
  nlohmann::json about(const access_rules::verdict& who) const;
  nlohmann::json document(topic which) const;
  void take_replies();
  void refuse(net::http_exchange to, int status, api::failure why,
              std::vector<net::http_header> headers = {});

  node::instance& node_;
  base::log::log_ring& lines_;
  server& control_;
  access_rules access_;
  net::http_server* server_ = nullptr;
  const limits most_;
  stream_hub hub_;
  base::uv::async wake_;
  std::shared_ptr<inbox> inbox_;
  std::optional<event_followers> followers_; // set by make()
  std::map<key, waiting> waiting_;
};

} // namespace coppice::control
