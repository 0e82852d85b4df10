// SPDX-License-Identifier: MIT
// A WebSocket's frames under arbitrary bytes: the result does not depend on how they are cut, texts are
// UTF-8, bounds hold, and nothing comes after an end. The first byte chooses the size of the pieces.
// rooms: net
#include <coppice/etf/utf8.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/websocket_session.hpp"

namespace {

using namespace coppice;

void check(bool holds) {
  if (!holds) std::abort();
}

constexpr std::size_t most = 300; // bytes of a message

struct seen final : net::websocket_session::events {
  void on_message(net::websocket_kind kind, std::string_view data) override {
    check(!closed && data.size() <= most);
    if (kind == net::websocket_kind::text)
      check(etf::utf8::length(reinterpret_cast<const std::uint8_t*>(data.data()), data.size()) >= 0);
    messages.push_back((kind == net::websocket_kind::text ? "t" : "b") + std::string(data));
  }
  void on_closed(const net::websocket_close& why) override {
    check(!closed);
    closed = true;
    messages.push_back("c" + std::to_string(why.code) + why.reason);
  }
  void on_bytes(std::string_view bytes) override { written += bytes; }
  bool is_behind() override { return false; }

  std::vector<std::string> messages;
  std::string written;
  bool closed = false;
};

seen read(std::string_view bytes, std::size_t step) {
  seen out;
  net::websocket_session session(most, out);
  while (!bytes.empty()) {
    const std::string part(bytes.substr(0, step)); // on the heap, so that the sanitizer sees its end
    session.feed(part);
    bytes.remove_prefix(part.size());
  }
  check(session.is_open() != out.closed);
  check(session.send(net::websocket_kind::text, "x") != out.closed);
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const seen whole = read(bytes, bytes.size());
  for (const std::size_t step : {std::size_t{1}, std::size_t{data[0]} + 1}) {
    const seen cut = read(bytes, step);
    check(cut.messages == whole.messages && cut.written == whole.written);
  }
  return 0;
}
