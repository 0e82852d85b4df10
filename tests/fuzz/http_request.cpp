// SPDX-License-Identifier: MIT
// The HTTP reader under arbitrary bytes: the result does not depend on how the bytes are cut, all bounds
// hold, and what it accepts is as strict as it promises.
// rooms: net
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "net/http/http_reader.hpp"

namespace {

using namespace coppice;

void check(bool holds) {
  if (!holds) std::abort();
}

net::http_limits limits() {
  net::http_limits small;
  small.target = 64;
  small.head = 512;
  small.headers = 8;
  small.body = 256;
  return small;
}

void check_request(const net::http_request& seen) {
  check(seen.target.size() <= limits().target && seen.headers.size() <= limits().headers);
  check(seen.body.size() <= limits().body && seen.minor <= 1);
  for (const auto& one : seen.headers) {
    check(net::is_http_token(one.name) && net::is_http_field_value(one.value));
  }
  check(seen.minor == 0 || seen.header("host") != nullptr);
  check(seen.header("content-length") == nullptr || seen.header("transfer-encoding") == nullptr);
  check(seen.path().size() + seen.query().size() <= seen.target.size() + 1);
}

struct reading {
  std::vector<net::http_request> requests;
  int status = 0;
};

// Reads `text` in pieces of `step` bytes.
reading read(std::string_view text, std::size_t step) {
  net::http_reader reader(limits());
  reading out;
  while (!text.empty() && out.status == 0) {
    const std::string_view piece = text.substr(0, step);
    const std::size_t taken = reader.feed(piece);
    check(taken <= piece.size());
    text.remove_prefix(taken);
    switch (reader.now()) {
      case net::http_reader::state::complete:
        out.requests.push_back(reader.take());
        check_request(out.requests.back());
        break;
      case net::http_reader::state::failed:
        out.status = reader.why().status;
        check(out.status >= 400 && !net::http_reason(out.status).empty());
        break;
      default:
        check(taken != 0);
    }
  }
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text({data, size});
  const reading whole = read(text, size);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}}) {
    const reading cut = read(text, step);
    check(cut.requests.size() == whole.requests.size() && (cut.status != 0) == (whole.status != 0));
    for (std::size_t i = 0; i < whole.requests.size(); ++i) {
      check(cut.requests[i].target == whole.requests[i].target &&
            cut.requests[i].body == whole.requests[i].body);
      check(cut.requests[i].keep_alive == whole.requests[i].keep_alive);
    }
  }
  return 0;
}
