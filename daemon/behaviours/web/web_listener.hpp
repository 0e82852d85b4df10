// SPDX-License-Identifier: MIT
// A listener for HTTP. Each connection has a process of the daemon's own. These processes answer requests by
// the site that all of them share. In the process's own turn, which stays on one worker.
#pragma once

#include <any>
#include <memory>
#include <string>

#include "behaviours/streams/tcp_listener.hpp"
#include "behaviours/web/web_spec.hpp"
#include "metrics/board.hpp"

namespace coppice::behaviours {

class web_sites;

// The configuration of a web server. As an order to a web server (pending_orders): as a tcp_order, and each
// request that comes from now on is answered by this site.
struct web_order {
  std::shared_ptr<const tcp_spec> listening;
  std::shared_ptr<const web_spec> site;
};

class web_listener final : public tcp_listener {
 public:
  web_listener(web_order by, std::shared_ptr<const supervision> shared, runtime::message env,
               std::string label);
  ~web_listener() override;

  runtime::outcome init(runtime::process& self) override;

  // The notice by which its supervisor says, before it stops this process, that another will take its place.
  static runtime::message restart_notice();

 protected:
  runtime::outcome take_info(runtime::process& self, const runtime::message& m) override;
  base::result<std::unique_ptr<runtime::behaviour>> make_actor(runtime::process& self,
                                                               accepted_stream stream) const override;
  std::shared_ptr<const tcp_spec> adopted(const std::any& order) override;
  std::string_view draining_notice() const override;
  std::uint32_t own_pairs() const override;
  void write_own_pairs(runtime::message_writer& out) const override;

 private:
  const std::shared_ptr<web_sites> sites_;
  metrics::board::entry site_on_board_;
  bool restarts_ = false; // another process takes its place
};

} // namespace coppice::behaviours
