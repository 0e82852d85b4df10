// SPDX-License-Identifier: MIT
// The control thread: one loop with the listener, the sessions by number, and the async through which
// answers and the order to stop arrive.
#include "control/server.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "base/border.hpp"
#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "base/thread.hpp"
#include "control/answers.hpp"
#include "control/session.hpp"
#include "control/socket_access.hpp"
#include "net/http/last_answers.hpp"
#include "net/listening/listener.hpp"
#include "spec/node_spec.hpp"

namespace coppice::control {

namespace {

api::reply given_up() {
  return api::reply(unexpect, api::failure{base::errc::internal, "request", "it was given up", {}});
}

api::reply stopping() {
  return api::reply(unexpect, api::failure{base::errc::closed, "request", "the node is stopping", {}});
}

constexpr std::uint64_t guests_connection = 0;

// A request that did not come by the socket.
struct visit {
  done_function done;
  pending left = {};
  base::uv::timer patience = {};
};

} // namespace

answer::answer(std::shared_ptr<answers> to, request_id of) : to_(std::move(to)), of_(of) {}

answer::~answer() {
  if (to_ != nullptr) base::contained("an answer at the control socket", [this] { put(given_up()); });
}

void answer::put(const api::reply& reply) {
  const auto to = std::exchange(to_, nullptr);
  if (to == nullptr) return;
  if (of_.connection == guests_connection)
    to->put({of_, {}, {}, reply});
  else
    to->put({of_, api::encode(reply)});
}

void answer::operator()(const api::reply& reply) {
  put(reply);
}

void answer::later(std::function<api::reply()> make) {
  if (auto to = std::exchange(to_, nullptr)) to->put({of_, {}, std::move(make)});
}

class server::inner {
 public:
  inner(base::uv::loop loop, request_function handle) : loop_(std::move(loop)), handle_(std::move(handle)) {}

  base::status open(const server_options& options) {
    auto wake = base::uv::async::make(loop_, [this] { on_wake(); });
    if (!wake) return unexpected(wake.error());
    wake_ = std::move(*wake);
    answers_ = std::make_shared<answers>(wake_);
    net::listen_options limits = net::for_requests("the control socket", options.connections);
    limits.may_take_last_descriptors = true;
    limits.kept = {options.sockets, "control"};
    const net::unix_place at =
        place_of_socket(options.path, options.mode, options.group, spec::control_options().group);
    auto listening = net::listener::unix_socket(loop_.raw(), at, limits,
                                                [this](net::accepted_socket s) { accept(std::move(s)); });
    if (!listening) return unexpected(std::move(listening.error()).context("control socket"));
    listener_ = std::move(*listening);
    kept_ = options.sockets != nullptr;
    looks_ = options.looks;
    if (looks_) {
      again_ = base::uv::timer(loop_, [this] { look_now(); });
      again_.start(std::chrono::milliseconds(0));
    }
    auto made_thread = base::start_thread([this] { run(); });
    if (!made_thread) return unexpected(std::move(made_thread.error()).context("control socket"));
    thread_ = std::move(*made_thread);
    return {};
  }

  std::uint64_t ask(api::request what, caller from, done_function done) {
    if (const auto number = answers_->ask(std::move(what), std::move(from), done)) return number;
    done(stopping());
    return 0;
  }
  void give_up(std::uint64_t number) { answers_->give_up(number); }

  void look() {
    look_.store(true, std::memory_order_release);
    wake_.send();
  }

  ~inner() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard guard(stop_lock_);
      stopping_.store(true, std::memory_order_release);
      wake_.send();
    }
    thread_.join();
  }

 private:
  void run() {
    loop_.run();
    again_.close();
    listener_.close();
    const auto owes_nobody = [this] {
      return std::ranges::none_of(sessions_, [](const auto& one) { return one.second->owed(); });
    };
    // Clients that have connected are answered. Clients that come from now on wait for the process that goes
    // on with the socket.
    if (kept_) net::give_last_answers(loop_, owes_nobody);
    sessions_.clear();
    left_.clear();
    const auto unheard = answers_->close();
    for (const auto& [number, one] : std::exchange(visits_, {})) {
      if (one->left.give_up) one->left.give_up();
      one->done(stopping());
    }
    for (const auto& one : unheard)
      if (one.done) one.done(stopping());
    // Waits until the stop's own wake-up is sent: another wake-up may have ended the loop before.
    std::unique_lock(stop_lock_).unlock();
    wake_.close();
    loop_.run(); // the close callbacks
  }

  void look_now() {
    if (looks_) again_.start(looks_());
  }

  void on_wake() {
    if (look_.exchange(false, std::memory_order_acquire)) look_now();
    for (auto& line : answers_->take()) {
      if (line.of.connection == guests_connection) {
        if (visits_.contains(line.of.number)) answer_visit(line.of.number, reply_of(line));
        continue;
      }
      auto found = sessions_.find(line.of.connection);
      if (found == sessions_.end()) continue;
      found->second->answer(line.of.number, line.made ? api::encode(reply_of(line)) : line.text);
    }
    for (auto& one : answers_->take_guests()) one.done ? visit_by(std::move(one)) : leave_visit(one.number);
    left_.clear();
    if (stopping_.load(std::memory_order_acquire)) loop_.stop();
  }

  static api::reply reply_of(answers::line& line) {
    if (line.whole) return std::move(*line.whole);
    api::reply made = given_up();
    base::contained("an answer at the control socket", [&] { made = line.made(); });
    return made;
  }

  void visit_by(answers::guest one) {
    const std::uint64_t number = one.number;
    visit& it = *visits_.emplace(number, std::make_unique<visit>(visit{std::move(one.done)})).first->second;
    base::contained("a request over HTTP", [&] {
      it.left = handle_(std::move(one.asked), one.from, answer(answers_, {guests_connection, number}));
    });
    if (!it.left.patience) return;
    it.patience = base::uv::timer(loop_, [this, number] { on_overdue(number); });
    it.patience.start(*it.left.patience);
  }

  void on_overdue(std::uint64_t number) {
    const auto found = visits_.find(number);
    if (found == visits_.end()) return;
    api::reply late = not_in_time("not done in time");
    base::contained("an answer over HTTP", [&] {
      const pending& left = found->second->left;
      if (left.overdue) late = left.overdue();
      if (left.give_up) left.give_up();
    });
    answer_visit(number, std::move(late));
  }

  void answer_visit(std::uint64_t number, api::reply reply) {
    auto taken = visits_.extract(number);
    if (!taken.empty()) taken.mapped()->done(std::move(reply));
  }
  void leave_visit(std::uint64_t number) {
    const auto taken = visits_.extract(number);
    if (!taken.empty() && taken.mapped()->left.give_up) taken.mapped()->left.give_up();
  }

  void accept(net::accepted_socket socket) {
    const base::result<caller> who = caller_at(socket.fd.get());
    if (!who)
      return base::log::counted(base::log::level::warning, "control", "accept", "refused: {}",
                                who.error().text);
    auto stream = net::stream::adopt(loop_.raw(), std::move(socket));
    if (!stream) {
      return base::log::counted(base::log::level::warning, "control", "accept", "{}", stream.error().text);
    }
    const std::uint64_t connection = ++last_session_;
    auto ask = [this, connection, client = *who](api::request r, std::uint64_t number) {
      return handle_(std::move(r), client, answer(answers_, {connection, number}));
    };
    sessions_.emplace(connection,
                      std::make_unique<session>(loop_.raw(), std::move(*stream), *who, std::move(ask),
                                                [this, connection] { leave(connection); }));
  }

  // A session cannot be destroyed while it runs: it is put aside until the next wake-up.
  void leave(std::uint64_t connection) {
    auto found = sessions_.find(connection);
    if (found == sessions_.end()) return;
    left_.push_back(std::move(found->second));
    sessions_.erase(found);
    wake_.send();
  }

  base::uv::loop loop_;
  request_function handle_;
  base::uv::async wake_;
  std::function<std::chrono::milliseconds()> looks_;
  base::uv::timer again_;
  std::atomic<bool> look_ = false; // look() has asked for it
  std::shared_ptr<answers> answers_;
  net::listener listener_;
  bool kept_ = false; // its socket is kept in options.sockets
  std::map<std::uint64_t, std::unique_ptr<session>> sessions_;
  std::vector<std::unique_ptr<session>> left_;
  std::map<std::uint64_t, std::unique_ptr<visit>> visits_;
  std::uint64_t last_session_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex stop_lock_; // held from setting stopping_ until wake_ is no longer needed for it
  std::thread thread_;
};

server::server(std::unique_ptr<inner> made) : inner_(std::move(made)) {}
server::~server() = default;

std::uint64_t server::ask(api::request what, caller from, done_function done) {
  return inner_->ask(std::move(what), std::move(from), std::move(done));
}
void server::give_up(std::uint64_t request) {
  inner_->give_up(request);
}

void server::look() {
  inner_->look();
}

base::result<std::unique_ptr<server>> server::start(const server_options& options, request_function handle) {
  auto loop = base::uv::loop::make();
  if (!loop) return unexpected(loop.error());
  auto made = std::make_unique<inner>(std::move(*loop), std::move(handle));
  if (auto opened = made->open(options); !opened) return unexpected(opened.error());
  return std::unique_ptr<server>(new server(std::move(made)));
}

} // namespace coppice::control
