// SPDX-License-Identifier: MIT
// The answer to a registration has a few bytes; anything behind it breaks the protocol. The loop's thread.
#include "epmd/registration.hpp"

#include <fmt/format.h>

namespace coppice::epmd {

registration::registration(uv_loop_t* on, const base::socket_address& epmd, node_info node,
                           std::chrono::milliseconds patience, event_fn on_event)
    : target_("EPMD at " + epmd.to_string()),
      node_(std::move(node)),
      on_event_(std::move(on_event)),
      deadline_(on, [this, patience] {
        lose({base::errc::timeout, fmt::format("no answer within {} ms", patience.count())});
      }) {
  deadline_.start(patience);
}

registration::~registration() = default;

base::result<std::unique_ptr<registration>> registration::start(uv_loop_t* on,
                                                                const base::socket_address& epmd,
                                                                node_info node,
                                                                std::chrono::milliseconds patience,
                                                                event_fn on_event, net::keeping kept) {
  if (auto fine = check_name(node.name); !fine) return unexpected(std::move(fine.error()));
  std::unique_ptr<registration> made(
      new registration(on, epmd, std::move(node), patience, std::move(on_event)));
  auto stream = net::stream::connect(on, epmd, {std::chrono::milliseconds(0), {}}, *made);
  if (!stream) return unexpected(std::move(stream.error()).context(made->target_));
  made->kept_ = std::move(kept);
  made->stream_ = std::move(*stream);
  base::buffer bytes;
  encode(bytes, alive_request{made->node_});
  made->stream_.write(bytes.readable());
  return made;
}

base::result<std::unique_ptr<registration>> registration::resume(
    uv_loop_t* on, const base::socket_address& epmd, node_info node, std::chrono::milliseconds patience,
    net::socket_store::taken from, event_fn on_event) {
  std::unique_ptr<registration> made(
      new registration(on, epmd, std::move(node), patience, std::move(on_event)));
  registration& self = *made;
  self.resumes_ = true;
  auto stream = net::stream::adopt(on, {std::move(from.fd), true, {}});
  if (!stream) return unexpected(std::move(stream.error()).context(self.target_));
  self.stream_ = std::move(*stream);
  self.place_ = std::move(from.place);
  auto asked = inquiry::lookup(on, epmd, self.node_.name, patience,
                               [&self](const auto& found) { self.compare(found); });
  if (!asked) return unexpected(std::move(asked.error()));
  self.asked_ = std::move(*asked);
  self.stream_.start(self);
  return made;
}

void registration::compare(const base::result<std::optional<node_info>>& found) {
  const bool same = found && *found && (*found)->port == node_.port && (*found)->type == node_.type;
  if (same) return settle(0);
  // EPMD frees the name, and ends the connection too, once it sees that our side has ended.
  stream_.end();
}

void registration::on_data(base::bytes_span bytes) {
  if (registered_ || resumes_) return lose({base::errc::invalid, "sent something nobody asked for"});
  received_.append(bytes);
  auto reply = decode_alive_reply(received_.readable());
  if (!reply) return lose(std::move(reply.error()));
  if (!reply->has_value()) return;
  if (!(*reply)->accepted) {
    return lose(
        {base::errc::exists, fmt::format("refused the name \"{}\": a node has it already", node_.name)});
  }
  received_.shrink(0);
  if (kept_.store != nullptr) place_ = kept_.store->keep(kept_.name, stream_.descriptor());
  settle((*reply)->creation);
}

void registration::settle(std::uint32_t creation) {
  registered_ = true;
  deadline_.close();
  tell(creation);
}

void registration::on_closed(base::error why) {
  lose(std::move(why));
}

void registration::lose(base::error why) {
  registered_ = false;
  deadline_.close();
  asked_ = inquiry();
  place_ = {};
  stream_.close();
  tell(unexpected(std::move(why).context(target_)));
}

void registration::tell(base::result<std::uint32_t> event) {
  // A copy, because the callback may destroy this object and with it the function that is running.
  const event_fn told = on_event_;
  told(std::move(event));
}

} // namespace coppice::epmd
