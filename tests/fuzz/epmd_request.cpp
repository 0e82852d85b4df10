// SPDX-License-Identifier: MIT
// EPMD's decoders under arbitrary bytes: requests as the server reads them, replies as the client does. What
// decodes must encode to bytes that decode to the same.
// rooms: epmd
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/buffer.hpp"
#include "epmd/protocol.hpp"

namespace {

using namespace coppice;

void check(bool holds) {
  if (!holds) std::abort();
}

void read_as_server(base::bytes_span bytes) {
  const auto size = epmd::request_size(bytes);
  if (!size || !size->has_value() || **size > bytes.size()) return;
  const auto asked = epmd::decode_request(bytes.subspan(2, **size - 2));
  if (!asked) return;
  base::buffer again;
  epmd::encode(again, *asked);
  const auto back = epmd::decode_request(again.readable().subspan(2));
  check(back.has_value() && back->index() == asked->index());
  base::buffer third;
  epmd::encode(third, *back);
  check(base::as_text(third.readable()) == base::as_text(again.readable()));
}

void read_as_client(base::bytes_span bytes) {
  static_cast<void>(epmd::decode_alive_reply(bytes));
  static_cast<void>(epmd::decode_names_reply(bytes));
  const auto reply = epmd::decode_port_reply(bytes);
  if (!reply || !reply->has_value() || !(*reply)->has_value()) return;
  base::buffer again;
  epmd::encode_port_reply(again, &***reply);
  check(epmd::decode_port_reply(again.readable()).value().has_value());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_as_server({data, size});
  read_as_client({data, size});
  return 0;
}
