// SPDX-License-Identifier: MIT
// A TCP proxy: for each client a connection to a server, whose address is its args', and all bytes both ways.
// Who does not read stops who writes to him, and nothing waits here beyond both connections' bounds.
#include <coppice/tcp.hpp>

#include <cstdint>
#include <string>
#include <tuple>

namespace {

using namespace coppice;

struct settings {
  static constexpr etf::form etf_form = etf::form::map;
  std::string host;
  std::uint16_t port;
};

class proxy : public tcp {
 public:
  void init(const settings& args) { to_ = args; }

  void on_connect(connection with) {
    if (client_ != 0) return connection(*this, client_).resume(), void();
    client_ = with.id();
    with.pause(); // until there is somebody to give it to
    server_ = connect_to(*this, to_.host, to_.port, {.half_close = true});
    if (server_ == 0) with.reset();
  }
  std::size_t on_data(connection from, bytes data) {
    if (other(from).write(data) != COPPICE_E_FULL) return data.size();
    from.pause(); // and what is left comes again after resume
    return 0;
  }
  void on_drained(connection to) { other(to).resume(); }
  void on_eof(connection from) {
    other(from).end();
    if (++ended_ < 2) return;
    from.close(); // neither says any more
    other(from).close();
  }
  void on_close(connection of) { other(of).close(); }

  using saved = std::tuple<std::uint64_t, std::uint64_t, int>;
  saved save_state() const { return {client_, server_, ended_}; }
  void restore_state(std::uint32_t, const saved& from) { std::tie(client_, server_, ended_) = from; }

 private:
  connection other(connection than) const { return {*this, than.id() == client_ ? server_ : client_}; }

  settings to_;
  std::uint64_t client_ = 0;
  std::uint64_t server_ = 0;
  int ended_ = 0; // of both, who sends no more
};

} // namespace

#ifndef VERSION
#define VERSION "1.0.0"
#endif
COPPICE_PLUGIN("proxy", VERSION, proxy);
