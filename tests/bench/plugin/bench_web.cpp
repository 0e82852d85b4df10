// SPDX-License-Identifier: MIT
// The actors behind the routes of web.yaml: GET /hello answers a line, POST /size the size of the body;
// WebSockets of /echo get back what they send; GET /publish publishes the event of /events.
#include <coppice/event.hpp>
#include <coppice/web.hpp>

#include <string>
#include <string_view>

namespace {

using namespace coppice;

class bench_web : public web {
 public:
  static constexpr std::string_view name = "bench_web";
  void init() { source_ = event_source(*this, "bench_web"); }

  coppice::reply handle_request(const coppice::request& asked) {
    if (asked.path() == "/size") return response(200, "text/plain", std::to_string(asked.body().size()));
    if (asked.path() == "/publish") source_.publish(std::string_view("~"));
    return response(200, "text/plain", "hello");
  }
  websocket_reply handle_websocket(const coppice::request&) { return accepted; }
  void handle_binary(term client, std::string_view said) { send_binary(owned_pid(client), said); }

 private:
  event_source source_;
};

} // namespace

COPPICE_PLUGIN("bench_web", "1.0.0", bench_web);
