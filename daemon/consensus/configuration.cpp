// SPDX-License-Identifier: MIT
// The members of a group, and the bytes of a configuration entry: a number of members, and for each its id,
// its role and its address, big-endian.
#include <algorithm>

#include "base/buffer.hpp"
#include "consensus/types.hpp"

namespace coppice::consensus {

namespace {

auto place_of(std::vector<member>& members, const member_id& id) {
  return std::lower_bound(members.begin(), members.end(), id,
                          [](const member& one, const member_id& sought) { return one.id < sought; });
}

constexpr std::size_t fixed_part = 16 + 1 + 2; // id, role, length of the address

} // namespace

const member* configuration::find(const member_id& id) const {
  for (const member& one : members_)
    if (one.id == id) return &one;
  return nullptr;
}

bool configuration::votes(const member_id& id) const {
  const member* const one = find(id);
  return one != nullptr && one->role == member_role::voter;
}

std::size_t configuration::voters() const {
  return static_cast<std::size_t>(std::count_if(
      members_.begin(), members_.end(), [](const member& one) { return one.role == member_role::voter; }));
}

void configuration::put(member one) {
  const auto at = place_of(members_, one.id);
  if (at != members_.end() && at->id == one.id)
    *at = std::move(one);
  else
    members_.insert(at, std::move(one));
}

void configuration::remove(const member_id& id) {
  const auto at = place_of(members_, id);
  if (at != members_.end() && at->id == id) members_.erase(at);
}

payload configuration::encode() const {
  base::buffer out;
  out.append_u8(static_cast<std::uint8_t>(members_.size()));
  for (const member& one : members_) {
    out.append_be64(one.id.high);
    out.append_be64(one.id.low);
    out.append_u8(static_cast<std::uint8_t>(one.role));
    out.append_be16(static_cast<std::uint16_t>(one.address.size()));
    out.append(one.address);
  }
  return payload(out.readable());
}

bool configuration::decode(base::bytes_span from) {
  std::vector<member> read;
  if (from.empty() || from[0] > max_members) return false;
  const std::size_t count = from[0];
  from = from.subspan(1);
  for (std::size_t i = 0; i < count; ++i) {
    if (from.size() < fixed_part) return false;
    member one;
    one.id = {base::load_be64(from.data()), base::load_be64(from.data() + 8)};
    const std::uint8_t role = from[16];
    const std::size_t length = base::load_be16(from.data() + 17);
    if (!one.id || role > static_cast<std::uint8_t>(member_role::joining) || length > max_address)
      return false;
    if (!read.empty() && !(read.back().id < one.id)) return false;
    from = from.subspan(fixed_part);
    if (from.size() < length) return false;
    one.role = static_cast<member_role>(role);
    one.address = base::as_text(from.first(length));
    from = from.subspan(length);
    read.push_back(std::move(one));
  }
  members_ = std::move(read);
  return from.empty() && voters() > 0;
}

} // namespace coppice::consensus
