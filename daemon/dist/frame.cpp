// SPDX-License-Identifier: MIT
// Splits a stream into frames and reads their heads. Any thread.
#include "dist/frame.hpp"

#include <string>

#include "base/bytes.hpp"

namespace coppice::dist {

base::result<std::optional<std::span<const std::uint8_t>>> next_frame(std::span<const std::uint8_t>& in,
                                                                      std::size_t longest) {
  if (in.size() < 4) return std::nullopt;
  const std::size_t size = base::load_be32(in.data());
  if (size > longest) {
    return base::fail(base::errc::limit, "a frame of " + std::to_string(size) + " bytes, " +
                                             std::to_string(longest) + " is the most taken");
  }
  if (in.size() - 4 < size) return std::nullopt;
  const auto whole = in.subspan(4, size);
  in = in.subspan(4 + size);
  return whole;
}

base::result<frame> parse_frame(std::span<const std::uint8_t> whole) {
  if (whole.empty()) return frame{};
  if (whole[0] == frame_tag::pass_through) return frame{frame_kind::pass_through, 0, 0, whole.subspan(1)};
  if (whole.size() < 2 || whole[0] != frame_tag::version_magic) {
    return base::fail(base::errc::invalid, "a frame that begins with " + std::to_string(whole[0]));
  }
  const std::uint8_t tag = whole[1];
  if (tag == frame_tag::header) return frame{frame_kind::header, 0, 0, whole.subspan(2)};
  if (tag == frame_tag::short_form) return frame{frame_kind::short_form, 0, 0, whole.subspan(2)};
  if (tag == frame_tag::envelope) return frame{frame_kind::envelope, 0, 0, whole};
  if (tag != frame_tag::first_fragment && tag != frame_tag::next_fragment) {
    return base::fail(base::errc::invalid, "a frame of unknown header " + std::to_string(tag));
  }
  if (whole.size() < 18) return base::fail(base::errc::invalid, "a fragment shorter than its header");
  frame f{tag == frame_tag::first_fragment ? frame_kind::first_fragment : frame_kind::next_fragment,
          base::load_be64(whole.data() + 2), base::load_be64(whole.data() + 10), whole.subspan(18)};
  if (f.fragment == 0) return base::fail(base::errc::invalid, "a fragment numbered 0");
  return f;
}

} // namespace coppice::dist
