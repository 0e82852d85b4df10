// SPDX-License-Identifier: MIT
// libuv's request lives until it calls back, the caller's interest in it as long as the wrapper; each
// points at the other while both exist. The loop's thread.
#include "net/resolver.hpp"

#include <netdb.h>

#include <chrono>

#include "base/border.hpp"
#include "base/uv.hpp"

namespace coppice::net {

struct resolution::request {
  uv_getaddrinfo_t raw{};
  std::string host;
  interest* wanted_by = nullptr; // null: nobody waits any more

  void finish(int code, const addrinfo* found);
};

struct resolution::interest {
  // Of a numeric address.
  interest(uv_loop_t* on, base::socket_address of, done_fn call)
      : under_way(nullptr), done(std::move(call)), numeric(of), soon(on, [this] { tell_numeric(); }) {
    soon.start(std::chrono::milliseconds(0));
  }
  interest(request* of, done_fn call) : under_way(of), done(std::move(call)) { of->wanted_by = this; }
  interest(const interest&) = delete;
  interest& operator=(const interest&) = delete;
  ~interest() {
    if (under_way == nullptr) return;
    under_way->wanted_by = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&under_way->raw));
  }

  // The callback may destroy this.
  void tell_numeric() {
    const done_fn call = std::move(done);
    call(std::vector<base::socket_address>{numeric});
  }

  request* under_way; // null: finished
  done_fn done;
  base::socket_address numeric;
  base::uv::timer soon;
};

resolution::resolution() = default;
resolution::resolution(std::unique_ptr<interest> in) : interest_(std::move(in)) {}
resolution::resolution(resolution&& other) noexcept = default;
resolution& resolution::operator=(resolution&& other) noexcept = default;
resolution::~resolution() = default;

base::result<resolution> resolution::start(uv_loop_t* on, const std::string& host, std::uint16_t port,
                                           done_fn done) {
  if (const auto numeric = base::socket_address::parse(host, port))
    return resolution(std::make_unique<interest>(on, *numeric, std::move(done)));
  auto fresh = std::make_unique<request>();
  fresh->raw.data = fresh.get();
  fresh->host = host;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const std::string service = std::to_string(port);
  const int code =
      uv_getaddrinfo(on, &fresh->raw, &resolution::finished, host.c_str(), service.c_str(), &hints);
  if (code != 0) return base::fail_uv("look up " + host, code);
  return resolution(std::make_unique<interest>(fresh.release(), std::move(done)));
}

void resolution::finished(uv_getaddrinfo_t* raw, int code, addrinfo* found) {
  const std::unique_ptr<request> self(static_cast<request*>(raw->data));
  const std::unique_ptr<addrinfo, decltype(&uv_freeaddrinfo)> list(found, &uv_freeaddrinfo);
  base::contained("a look-up of a host", [&] { self->finish(code, found); });
}

void resolution::request::finish(int code, const addrinfo* found) {
  if (wanted_by == nullptr) return;
  wanted_by->under_way = nullptr;
  // The callback may destroy the interest it came from.
  const done_fn done = std::move(wanted_by->done);
  if (code != 0) {
    done(base::fail_uv("look up " + host, code));
    return;
  }
  std::vector<base::socket_address> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (auto address = base::socket_address::from_raw(each->ai_addr, each->ai_addrlen)) {
      addresses.push_back(*address);
    }
  }
  if (addresses.empty()) {
    done(base::fail(base::errc::not_found, "look up " + host + ": no IPv4 or IPv6 address"));
  } else {
    done(std::move(addresses));
  }
}

} // namespace coppice::net
