// SPDX-License-Identifier: MIT
// A TCP proxy: for each client a connection to the server whose address is in its args, and all bytes both
// ways. A side that does not read stops the other side's writes, and at most the bounds of both connections
// wait here.
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
    with.pause(); // until the connection to the server is open
    server_ = connect_to(*this, to_.host, to_.port, {.half_close = true});
    if (server_ == 0) with.reset();
  }
  std::size_t on_data(connection from, bytes data) {
    if (other(from).write(data) != COPPICE_E_FULL) return data.size();
    from.pause(); // after resume the rest comes again
    return 0;
  }
  void on_drained(connection to) { other(to).resume(); }
  void on_eof(connection from) {
    other(from).end();
    if (++ended_ < 2) return;
    from.close(); // both sides have ended
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
  int ended_ = 0; // number of sides that send no more
};

} // namespace

#ifndef VERSION
#define VERSION "1.0.0"
#endif
COPPICE_PLUGIN("proxy", VERSION, proxy);
