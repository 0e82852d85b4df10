// SPDX-License-Identifier: MIT
// Each listener is looked at once. One warning at the end tells of all that were found, at the place of the
// first of them.
#include "spec/kinds/silence_check.hpp"

#include "base/socket_address.hpp"

namespace coppice::spec {

void silence_check::look(const tcp_options& tcp, const node& at) {
  if (tcp.read.first_byte.count() != 0 || tcp.read.idle.count() != 0) return;
  const node* const list = at.find("listen");
  if (list == nullptr || !list->is_sequence() || list->items.size() != tcp.listen.size()) return;
  for (std::size_t i = 0; i < tcp.listen.size(); ++i) {
    const node* const written = value_of(list->items[i], "address");
    const auto address = base::socket_address::parse(tcp.listen[i].address, 0);
    if (written == nullptr || !address || address->is_loopback()) continue;
    found_.emplace_back(address->host(), written->at);
  }
}

void silence_check::warn(report& to) const {
  if (found_.empty()) return;
  const std::size_t others = found_.size() - 1;
  const std::string more = others == 0 ? "" : ", and to " + std::to_string(others) + " more addresses,";
  to.warning(found_.front().second,
             "tcp.read: first_byte and idle are 0s: whoever connects to " + found_.front().first + more +
                 " may stay and send nothing",
             "give one of them a time, so that such connections end before max_connections are taken");
}

} // namespace coppice::spec
