// SPDX-License-Identifier: MIT
// The framer of a stream under test. In the test's thread.
#include <coppice/testing/net_framing.hpp>

#include "host/boundary/framing.hpp"

namespace coppice::testing::detail {

framing::framing() : engine_(std::make_unique<net::framer>(net::framing())) {}

framing::framing(framing&&) noexcept = default;

framing& framing::operator=(framing&&) noexcept = default;

framing::~framing() = default;

std::optional<framing> framing::of(const coppice_framing& from) {
  auto read = host::framing_of(from);
  if (!read) return std::nullopt;
  framing out;
  out.engine_ = std::make_unique<net::framer>(std::move(*read));
  return out;
}

bool framing::cuts() const {
  return engine_->how().by != net::framing::kind::none;
}

std::size_t framing::max() const {
  return engine_->how().max;
}

cut framing::look(std::string_view unconsumed) {
  using outcome = net::framer::outcome;
  const auto seen =
      engine_->look({reinterpret_cast<const std::uint8_t*>(unconsumed.data()), unconsumed.size()});
  if (seen.is == outcome::too_large) return {};
  return {seen.is == outcome::frame, seen.offset, seen.length, seen.consumed, seen.needed};
}

} // namespace coppice::testing::detail
