// SPDX-License-Identifier: MIT
// See operators.hpp.
// rooms: control
#include "operators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <memory>
#include <utility>

#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "client_socket.hpp"
#include "ledger.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::process;

constexpr nanos patience = 60 * second;

class control_client final : public native_server {
 public:
  control_client(const cluster& of, unsigned host, std::vector<question> asks, bool leaves)
      : native_server("operator"),
        path_(of.control_path(host)),
        host_(host),
        leaves_(leaves),
        until_(simulated::now() + patience) {
    for (question& one : asks) waits_for_.push_back(std::move(one));
  }

 private:
  runtime::outcome on_start(process& self) override {
    loop_ = self.stay();
    begin(self);
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (on_ == nullptr) begin(self);
    if (leaves_ && one_in(4)) return end(one_in(2));
    if (!rest_.empty() && on_->connected()) {
      const std::size_t part = one_in(2) ? rest_.size() : 1 + draw_below(rest_.size());
      on_->send(rest_.substr(0, part));
      rest_.erase(0, part);
      if (rest_.empty() && one_in(4)) on_->half_close();
    }
    if (simulated::now() > until_ &&
        std::ranges::none_of(waits_for_, [](const question& one) { return static_cast<bool>(one.told); }))
      the_ledger().broken(fmt::format("a request at a control socket is answered: {} at host {} is not",
                                      waits_for_.front().asked.command, host_));
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    const nanos pause =
        one_in(2) ? draw_between(0, 100 * microsecond) : draw_between(millisecond, 300 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }
  runtime::outcome take_io(process&) override {
    if (on_ == nullptr) return runtime::carry_on();
    std::string& came = on_->came();
    for (std::size_t end = came.find('\n'); end != std::string::npos; end = came.find('\n')) {
      const std::string line = came.substr(0, end + 1);
      came.erase(0, end + 1);
      take(line);
    }
    if (waits_for_.empty() && !came.empty()) beside(came);
    if (waits_for_.empty()) return end(false);
    if (on_->over() && !leaves_)
      again();
    else if (on_->over())
      return end(false);
    return runtime::carry_on();
  }
  void begin(process& self) {
    rest_.clear();
    for (const question& one : waits_for_) rest_ += api::encode(one.asked);
    begun_ = simulated::now();
    on_ = client_socket::open_local(self, loop_, path_);
  }
  // Connects once more. A host without descriptors ends connections whose clients wait for nothing, also if
  // the client sends its next request in that moment. It ends no connection in the middle of a reply.
  void again() {
    const bool refused = begun_ <= host_at(host_).short_until && on_->came().empty();
    if (on_->connected() && !refused)
      the_ledger().broken(fmt::format("a request at a control socket is answered: host {} closed before {}",
                                      host_, waits_for_.front().asked.command));
    std::exchange(on_, nullptr)->leave();
  }
  void take(const std::string& line) {
    if (waits_for_.empty()) beside(line);
    const question one = std::move(waits_for_.front());
    waits_for_.pop_front();
    const auto reply = api::decode_reply(line);
    if (!reply) the_ledger().broken("a reply at a control socket is a document: " + line);
    if (!*reply && !one.may_fail)
      the_ledger().broken(fmt::format("a request at a control socket is done: {} of host {}: {}",
                                      one.asked.command, host_, reply->error().why));
    if (!*reply && reply->error().code == base::errc::internal)
      the_ledger().broken(
          fmt::format("a request at a control socket is carried out or refused: {} of host {}: {}",
                      one.asked.command, host_, reply->error().why));
    if (!*reply && reply->error().why.empty())
      the_ledger().broken(
          fmt::format("an error at a control socket has a reason: {} of host {}", one.asked.command, host_));
    if (*reply && one.fits && !one.fits(**reply))
      the_ledger().broken(fmt::format("a reply at a control socket is of its request: {} of host {} got {}",
                                      api::encode(one.asked), host_, line.substr(0, 400)));
    the_ledger().operator_told();
    if (one.told) one.told(*reply);
  }
  [[noreturn]] void beside(const std::string& came) const {
    the_ledger().broken(fmt::format("a request at a control socket is answered once: host {} sent {} besides",
                                    host_, came.substr(0, 400)));
    std::abort();
  }
  runtime::outcome end(bool at_once) {
    std::exchange(on_, nullptr)->leave(at_once);
    return runtime::stop(message::atom("normal"));
  }

  std::string path_;
  unsigned host_;
  bool leaves_;
  nanos until_;
  nanos begun_ = 0; // when it began to connect
  uv_loop_t* loop_ = nullptr;
  client_socket* on_ = nullptr; // null: no connection
  std::string rest_;            // bytes of requests to send later
  std::deque<question> waits_for_;
};

question call_to_load() {
  const auto number = the_ledger().next();
  const std::uint64_t delay = one_in(2) ? 0 : draw_below(2000);
  const std::uint64_t timeout = 500 + draw_below(1500);
  return {.asked = {"call",
                    {{"name", "load"},
                     {"term", fmt::format("{{call,{},{}}}", number, delay)},
                     {"timeout_ms", timeout}}},
          .fits =
              [number](const nlohmann::json& result) {
                return result.value("reply", "") == fmt::format("{{done,{}}}", number);
              },
          .may_fail = true};
}

} // namespace

question any_question(const cluster& all, unsigned host) {
  const auto of_node = [name = all.name(host)](const nlohmann::json& result) {
    return result.value("name", "") == name;
  };
  switch (draw_below(5)) {
    case 0:
      return {.asked = {"status"}, .fits = of_node};
    case 1:
      return {.asked = {"ps", {{"sort", "memory"}}}, .fits = [](const nlohmann::json& result) {
                return result.contains("total") && !result.at("processes").empty();
              }};
    case 2:
      return {.asked = {"top", {{"sort", "rate"}, {"over_ms", draw_below(1000)}}}, .fits = of_node};
    case 3:
      return {.asked = {"info", {{"name", "kv"}}},
              .fits = [](const nlohmann::json& result) { return result.contains("pid"); },
              .may_fail = true};
    default:
      return call_to_load();
  }
}

void add_operator(cluster& all, unsigned host, std::vector<question> questions, bool leaves) {
  add_process(all, host, fmt::format("operator_{}", the_ledger().next()),
              std::make_unique<control_client>(all, host, std::move(questions), leaves));
}

} // namespace coppice::simulated
