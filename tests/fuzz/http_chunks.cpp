// SPDX-License-Identifier: MIT
// The chunked coding under arbitrary bytes: the result does not depend on how the bytes are cut, there is
// never more data than bytes, and an accepted body ends in an empty line.
// rooms: net
#include "net/http/http_chunks.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace {

using namespace coppice;

void check(bool holds) {
  if (!holds) std::abort();
}

struct reading {
  net::http_chunks::state end = net::http_chunks::state::more;
  std::string body;
  std::size_t taken = 0;
};

reading read(std::string_view text, std::size_t step) {
  net::http_chunks chunks(128);
  reading out;
  while (out.taken < text.size() && chunks.now() == net::http_chunks::state::more) {
    const std::string_view given = text.substr(out.taken, step);
    const net::http_chunks::piece piece = chunks.feed(given);
    check(piece.taken != 0 && piece.taken <= given.size() && piece.data.size() <= piece.taken);
    out.taken += piece.taken;
    out.body += piece.data;
  }
  out.end = chunks.now();
  check(chunks.now() == net::http_chunks::state::more || chunks.feed("0").taken == 0);
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  const reading whole = read(text, size);
  for (const std::size_t step : {std::size_t{1}, std::size_t{5}}) {
    const reading cut = read(text, step);
    check(cut.end == whole.end && cut.body == whole.body && cut.taken == whole.taken);
  }
  check(whole.end != net::http_chunks::state::done || text.substr(0, whole.taken).ends_with("\r\n\r\n"));
  return 0;
}
