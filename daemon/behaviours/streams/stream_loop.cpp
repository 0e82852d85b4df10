// SPDX-License-Identifier: MIT
// See stream_loop.hpp.
#include "behaviours/streams/stream_loop.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/log_counted.hpp"
#include "runtime/messages/raw_message.hpp"

namespace coppice::behaviours {

using runtime::raw_message;

namespace {

constexpr const char* system_authorities = "/etc/ssl/certs/ca-certificates.crt";

} // namespace

stream_loop& stream_loop::of(uv_loop_t* loop) {
  std::unique_ptr<base::uv::loop_part>& part = base::uv::loop::part(loop);
  if (part == nullptr) part = std::make_unique<stream_loop>(loop);
  return static_cast<stream_loop&>(*part);
}

stream_loop::~stream_loop() {
  if (owner_ != nullptr) raw_message::release(owner_);
}

base::result<net::tls_options> stream_loop::tls(const stream_tls& how) {
  net::tls_files files = how.files;
  if (files.verify_peer && files.authorities.empty()) files.authorities = system_authorities;
  std::string key = files.certificate + '\n' + files.key + '\n' + files.authorities + '\n';
  key += {files.verify_peer ? 'v' : '-', files.allow_tls_1_2 ? '2' : '-'};
  for (const std::string& one : files.protocols) key += '\n' + one;
  auto known = sources_.find(key);
  if (known == sources_.end()) {
    auto opened = net::tls_source::open(std::move(files));
    if (!opened) return unexpected(std::move(opened.error()));
    if (sources_.size() >= most_sources) sources_.clear();
    known = sources_.emplace(std::move(key), std::move(*opened)).first;
  }
  net::tls_source& source = *known->second;
  net::tls_options out;
  out.context = how.server ? source.server() : source.client();
  if (out.context == nullptr) return base::fail(base::errc::invalid, "tls: a server needs a certificate");
  out.pacer = &pacer_;
  out.host = how.host;
  return out;
}

std::unique_ptr<stream_parcel> stream_loop::parcel(given_stream from) {
  // Not made by make_shared(): its memory is not to stay for as long as given_ knows it.
  std::shared_ptr<waiting_stream> waiting(new waiting_stream(std::move(from)));
  waiting_stream::may_make_room(waiting);
  if (given_.size() >= sweep_at_) {
    std::erase_if(given_, [](const given& one) { return one.stream.expired(); });
    sweep_at_ = std::max(least_sweep, 2 * given_.size());
  }
  const auto time = std::chrono::milliseconds(take_time);
  given_.push_back({uv_now(loop_) + static_cast<std::uint64_t>(time.count()), waiting});
  if (!give_up_) give_up_ = base::uv::timer(loop_, [this] { look_at_given(); });
  if (!give_up_.active()) give_up_.start(time);
  return std::make_unique<stream_parcel>(std::move(waiting));
}

void stream_loop::look_at_given() {
  const std::uint64_t now = uv_now(loop_);
  for (; !given_.empty(); given_.pop_front()) {
    const auto first = given_.front().stream.lock();
    if (!first) continue;
    if (given_.front().due > now) return give_up_.start(std::chrono::milliseconds(given_.front().due - now));
    if (!first->give_up()) continue;
    base::log::counted(
        base::log::level::warning, "tcp", "not taken",
        "a connection is closed: the process that it was given to has not taken it within {} s",
        take_time.count());
  }
}

std::span<std::uint8_t> stream_loop::space() {
  if (owner_ == nullptr) {
    const raw_message::room fresh = raw_message::allocate(size);
    owner_ = fresh.owner;
    begin_ = fresh.begin;
    end_ = fresh.begin + size;
  }
  return {begin_, end_};
}

void stream_loop::pass_on(std::size_t count, receive_buffer& to, std::size_t wanted) {
  if (count < copy_below || wanted > count) return to.append({begin_, count}, wanted);
  to.adopt(raw_message::adopt(std::exchange(owner_, nullptr), {begin_, count}));
}

} // namespace coppice::behaviours
