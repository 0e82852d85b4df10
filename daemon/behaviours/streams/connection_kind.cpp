// SPDX-License-Identifier: MIT
// See connection_kind.hpp.
#include "behaviours/streams/connection_kind.hpp"

#include <utility>

#include "behaviours/gen/stream_taker.hpp"
#include "behaviours/streams/connection_keeper.hpp"
#include "behaviours/supervision/supervision.hpp"
#include "net/tls/tls_sources.hpp"

namespace coppice::behaviours {
namespace {

class connected_actors final : public equipped_actor {
 public:
  explicit connected_actors(std::shared_ptr<const kept_connection> what) : what_(std::move(what)) {}

 private:
  std::string_view gives() const override { return "connections"; }
  bool equip(stream_taker& actor, const child_start& of) const override {
    watch_certificate(of);
    actor.begin_with(what_);
    return true;
  }

  // If the connection shows a certificate, enters it where the node looks for certificates that expire. The
  // connection itself reads the files by its worker's stream_loop, which keeps them for longer than the
  // child is there. Files that cannot be used are reported when the connection is tried.
  void watch_certificate(const child_start& of) const {
    of.kept.reset();
    auto* const known = of.shared->resources.find<net::tls_sources>();
    if (known == nullptr || !what_->to.tls || what_->to.tls->files.certificate.empty()) return;
    const net::tls_files& files = what_->to.tls->files;
    auto source =
        net::tls_source::open({.certificate = files.certificate, .key = files.key, .authorities = {}});
    if (!source) return;
    known->add(*source);
    of.kept = std::move(*source);
  }

  const std::shared_ptr<const kept_connection> what_;
};

} // namespace

std::shared_ptr<const child_kind> connection_kind(std::shared_ptr<const kept_connection> what) {
  return std::make_shared<const connected_actors>(std::move(what));
}

} // namespace coppice::behaviours
