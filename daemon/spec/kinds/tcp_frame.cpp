// SPDX-License-Identifier: MIT
// The keys of `frame`, which say how the bytes of a connection are cut into frames; see tcp.hpp.
#include <array>
#include <string>
#include <string_view>

#include "spec/kinds/tcp.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

using base::framing_kind;

constexpr std::uint64_t longest = std::uint64_t{1} << 30; // bytes of a frame
constexpr std::array<const char*, 6> of_length{"bytes",           "at",          "header",
                                               "includes_header", "with_header", "endian"};

std::string check_delimiter(std::string_view bytes) {
  return bytes.empty() || bytes.size() > 16 ? "must have 1 to 16 bytes" : "";
}

void check_frame(reader& from, const node& at, frame_options& frame) {
  no_more_than(from, at, "max", frame.max, longest);
  if (frame.max == 0) from.error(at, from.path + ".max: must be at least 1B");
  if (frame.kind != framing_kind::fixed) without_effect(from, at, "size", "kind is fixed");
  if (frame.kind != framing_kind::length)
    for (const char* key : of_length) without_effect(from, at, key, "kind is length");
  if (frame.kind != framing_kind::delimiter) without_effect(from, at, "delimiter", "kind is delimiter");
  if (frame.kind == framing_kind::fixed && (frame.size == 0 || frame.size > frame.max))
    from.error(at, from.path + ": the key 'size' is missing, or not from 1 byte to max");
  if (frame.kind == framing_kind::delimiter && frame.delimiter.empty())
    from.error(at, from.path + ": the key 'delimiter' is missing");
  if (frame.kind != framing_kind::length) return;
  const bool power = frame.bytes == 1 || frame.bytes == 2 || frame.bytes == 4 || frame.bytes == 8;
  if (!power) from.error(at, from.path + ".bytes: must be 1, 2, 4 or 8");
  if (frame.header == 0) frame.header = frame.offset + frame.bytes;
  if (frame.header < frame.offset + frame.bytes)
    from.error(at, from.path + ".header: must be at least at + bytes, " +
                       std::to_string(frame.offset + frame.bytes));
}

// Leaves out keys that the frame's kind does not use, since they could not be read back.
void prune_frame(const frame_options& from, json& frame) {
  if (from.kind != framing_kind::fixed) frame.erase("size");
  if (from.kind != framing_kind::length)
    for (const char* key : of_length) frame.erase(key);
  if (from.kind != framing_kind::delimiter) frame.erase("delimiter");
}

} // namespace

const table<frame_options>& frame_table() {
  static const auto rows =
      table<frame_options>()
          .add<&frame_options::kind>(
              "kind",
              choice<framing_kind>({{"none", framing_kind::none},
                                    {"line", framing_kind::line},
                                    {"fixed", framing_kind::fixed},
                                    {"length", framing_kind::length},
                                    {"delimiter", framing_kind::delimiter}}),
              "none: bytes as they come; line: up to a line's end; fixed: blocks of "
              "`size`; length: behind a header that says how much; delimiter: up to it")
          .add<&frame_options::max>("max", size(),
                                    "the longest frame; of none: what the actor may leave unused")
          .add<&frame_options::size>("size", size(), "fixed: bytes of a frame")
          .add<&frame_options::bytes>("bytes", whole<std::uint32_t>(1, 8),
                                      "length: of the number, 1, 2, 4 or 8")
          .add<&frame_options::offset>("at", whole<std::uint32_t>(0, 1024),
                                       "length: where the number stands in the header")
          .add<&frame_options::header>("header", whole<std::uint32_t>(0, 1040),
                                       "length: bytes of the header; 0: at + bytes")
          .add<&frame_options::includes_header>("includes_header", flag(),
                                                "length: the number counts the header, too")
          .add<&frame_options::with_header>("with_header", flag(),
                                            "length: the actor gets the header in front of the rest")
          .add<&frame_options::endian>(
              "endian", choice<spec::endian>({{"big", endian::big}, {"little", endian::little}}),
              "length: of the number")
          .add<&frame_options::delimiter>("delimiter", text("a text", &check_delimiter),
                                          "delimiter: what ends a frame, and is no part of it")
          .check(&check_frame)
          .prune(&prune_frame);
  return rows;
}

} // namespace coppice::spec
