// SPDX-License-Identifier: MIT
// The host's interface for the streams of an actor under test. In the actor's callbacks.
#include <coppice/testing/net_host.hpp>

#include <memory>
#include <utility>

namespace coppice::testing::detail {

namespace {

// COPPICE_OK and an existing stream, or an error.
std::int32_t stream_of(coppice_actor* self, std::uint64_t id, const char* function, streams::shared& out) {
  if (const std::int32_t status = may_call(self, function); status != COPPICE_OK) return status;
  const streams* const all = find_engine<streams>(*of(self));
  out = all == nullptr ? nullptr : all->find(id);
  return found(out != nullptr);
}

#define COPPICE_STREAM_(name)                                                                       \
  streams::shared at;                                                                               \
  if (const std::int32_t status = stream_of(self, id, COPPICE_STREAM_HOST_DRAFT_2 "'s " #name, at); \
      status != COPPICE_OK)                                                                         \
  return status

/// False: the options are not valid.
bool read_framing(const coppice_framing* given, framing& out) {
  const auto known = sized(given, COPPICE_FRAMING_LEAST);
  auto read = known ? framing::of(*known) : std::nullopt;
  if (read) out = std::move(*read);
  return read.has_value();
}
bool read_connect_options(const coppice_connect_options& from, stream_options& out, framing& cut_by) {
  constexpr std::uint64_t most = std::uint64_t{1} << 30;
  const auto limit = [](std::int64_t given, nanoseconds otherwise) {
    return given < 0 ? 0ns : given == 0 ? otherwise : nanoseconds(given);
  };
  if (from.framing != nullptr && !read_framing(from.framing, cut_by)) return false;
  if (from.credit > most || from.high > most || from.low > most) return false;
  if (from.credit != 0) out.credit = static_cast<std::size_t>(from.credit);
  if (from.high != 0) out.high = static_cast<std::size_t>(from.high);
  out.low = from.low != 0 ? static_cast<std::size_t>(from.low) : out.high / 4;
  out.idle = limit(from.idle, 0ns);
  out.first_byte = limit(from.first_byte, 0ns);
  out.frame = limit(from.frame, out.frame);
  out.stall = limit(from.stall, out.stall);
  out.half_close = (from.flags & COPPICE_CONNECT_HALF_CLOSE) != 0;
  return out.low <= out.high;
}
std::int32_t connect_stream(coppice_actor* self, const coppice_connect_options* options,
                            std::uint64_t* out_stream) {
  if (out_stream == nullptr) return COPPICE_E_INVALID;
  *out_stream = 0;
  if (const std::int32_t status = may_call(self, COPPICE_STREAM_HOST_DRAFT_2 "'s connect");
      status != COPPICE_OK)
    return status;
  world& w = *of(self);
  const auto given = sized(options, COPPICE_CONNECT_OPTIONS_LEAST);
  if (!given || coppice_find_table(w.type, COPPICE_STREAM_DRAFT_2) == nullptr) return COPPICE_E_INVALID;
  if ((given->flags & ~COPPICE_CONNECT_HALF_CLOSE) != 0) return COPPICE_E_UNSUPPORTED;
  if (given->host.size == 0 || given->port > UINT16_MAX) return COPPICE_E_INVALID;
  stream_options how;
  framing cut_by;
  if (!read_connect_options(*given, how, cut_by)) return COPPICE_E_INVALID;
  if (given->tls != nullptr && given->port == 0) { // a certificate cannot be for a socket's path
    const auto tls = sized(given->tls, COPPICE_TLS_OPTIONS_LEAST);
    if (!tls) return COPPICE_E_INVALID;
    if ((tls->flags & (COPPICE_TLS_SERVER | COPPICE_TLS_UNVERIFIED)) == 0 && tls->host.size == 0)
      return COPPICE_E_INVALID;
  }
  const std::string host = text_of(given->host);
  how.peer = given->port == 0 ? host : host + ":" + std::to_string(given->port);
  const auto made = streams::of(w).add(std::move(how), std::move(cut_by));
  made->dialled = true;
  made->host = host;
  made->port = given->port;
  made->wants_tls = given->tls != nullptr;
  made->connect_due = given->deadline == 0 ? w.now + 7s : nanoseconds(given->deadline);
  *out_stream = made->id;
  return COPPICE_OK;
}
std::int32_t write_stream(coppice_actor* self, std::uint64_t id, coppice_bytes bytes) {
  COPPICE_STREAM_(write);
  if (bytes.data == nullptr && bytes.size != 0) return COPPICE_E_INVALID;
  return at->write(text_of(bytes), of(self)->now);
}
std::int32_t write_slice(coppice_actor* self, std::uint64_t id, const coppice_slice* slice) {
  COPPICE_STREAM_(write_slice);
  if (slice == nullptr || (slice->data == nullptr && slice->size != 0)) return COPPICE_E_INVALID;
  return at->write(text_of({slice->data, slice->size}), of(self)->now);
}
std::int32_t pause_stream(coppice_actor* self, std::uint64_t id) {
  COPPICE_STREAM_(pause);
  at->held = true;
  return COPPICE_OK;
}
std::int32_t resume_stream(coppice_actor* self, std::uint64_t id) {
  COPPICE_STREAM_(resume);
  if (std::exchange(at->held, false) && !at->cut_by.cuts()) at->needed = 1;
  return COPPICE_OK;
}
std::int32_t end_stream(coppice_actor* self, std::uint64_t id) {
  COPPICE_STREAM_(end);
  if (at->is_open()) at->ends = true;
  at->flush();
  return COPPICE_OK;
}
std::int32_t close_stream(coppice_actor* self, std::uint64_t id) {
  COPPICE_STREAM_(close);
  at->close(COPPICE_STREAM_NORMAL);
  return COPPICE_OK;
}
std::int32_t reset_stream(coppice_actor* self, std::uint64_t id) {
  COPPICE_STREAM_(reset);
  at->reset();
  return COPPICE_OK;
}
std::int32_t start_tls(coppice_actor* self, std::uint64_t id, const coppice_tls_options* options) {
  COPPICE_STREAM_(start_tls);
  if (!at->is_open()) return COPPICE_E_NOT_FOUND;
  const auto given = sized(options, COPPICE_TLS_OPTIONS_LEAST);
  if (!given || at->securing || !at->how.tls.empty() || at->ends) return COPPICE_E_INVALID;
  // Without a host name any certificate would be accepted.
  const bool has_host = given->host.size != 0 || (at->dialled && at->port != 0);
  if ((given->flags & (COPPICE_TLS_SERVER | COPPICE_TLS_UNVERIFIED)) == 0 && !has_host)
    return COPPICE_E_INVALID;
  at->securing = true;
  at->input.clear(); // these bytes belong to TLS
  at->needed = 1;
  return COPPICE_OK;
}
std::int32_t set_framing(coppice_actor* self, std::uint64_t id, const coppice_framing* how) {
  COPPICE_STREAM_(set_framing);
  if (!read_framing(how, at->cut_by)) return COPPICE_E_INVALID;
  at->needed = 1;
  at->cut_anew = true;
  return COPPICE_OK;
}
std::int32_t info_of_stream(coppice_actor* self, std::uint64_t id, coppice_stream_info* out) {
  COPPICE_STREAM_(info);
  if (out == nullptr || out->size < COPPICE_STREAM_INFO_LEAST) return COPPICE_E_INVALID;
  const coppice_stream_info all = at->info();
  const std::uint32_t size = std::min<std::uint32_t>(out->size, sizeof all);
  std::memcpy(out, &all, size);
  out->size = size;
  return COPPICE_OK;
}
std::int32_t hand_over_stream(coppice_actor* self, std::uint64_t id, coppice_bytes to) {
  COPPICE_STREAM_(hand_over);
  const auto whom = destination_of(to);
  if (!whom) return COPPICE_E_INVALID;
  if (!at->is_open() || at->ends || at->securing || at->secured_due) return COPPICE_E_REFUSED;
  at->handed_to = *whom;
  return COPPICE_OK;
}
std::int32_t retain_slice(const coppice_slice* slice, coppice_slice* out) {
  if (slice == nullptr || out == nullptr) return COPPICE_E_INVALID;
  const coppice_message from{slice->data, slice->size, slice->owner};
  *out = {};
  if (from.size == 0) return COPPICE_OK;
  coppice_message kept{};
  const std::int32_t status = retain(&from, &kept);
  *out = {kept.data, kept.size, kept.owner};
  return status;
}
void release_slice(coppice_slice* slice) {
  if (slice == nullptr) return;
  coppice_message whole{slice->data, slice->size, slice->owner};
  release(&whole);
  *slice = {};
}
std::int32_t slice_of_message(const coppice_message* message, coppice_bytes part, coppice_slice* out) {
  if (message == nullptr || out == nullptr) return COPPICE_E_INVALID;
  *out = {};
  const auto begin = reinterpret_cast<std::uintptr_t>(message->data);
  const auto at = reinterpret_cast<std::uintptr_t>(part.data);
  if (part.data == nullptr || at < begin || at - begin > message->size ||
      part.size > message->size - (at - begin))
    return COPPICE_E_INVALID;
  *out = {part.data, part.size, message->owner};
  return COPPICE_OK;
}

#undef COPPICE_STREAM_

} // namespace

streams::shared streams::add(stream_options how, framing cut_by) {
  shared made = std::make_shared<stream>();
  made->id = ++last_id_;
  made->how = std::move(how);
  made->cut_by = std::move(cut_by);
  all_.push_back(made);
  return made;
}

void streams::take(const shared& handed, nanoseconds now) {
  handed->handed_to.reset();
  handed->id = ++last_id_;
  handed->accepted = handed->connect_told = handed->held = false;
  handed->needed = 1;
  handed->open(now);
  all_.push_back(handed);
}

streams::shared streams::find(std::uint64_t id) const {
  for (const shared& one : all_)
    if (one->id == id && one->is != stream::stage::gone && !one->handed_to) return one;
  return nullptr;
}

std::optional<engine::call> streams::next(world& w) {
  const auto now_there = all_; // handing over removes one from all_
  for (const shared& one : now_there) {
    one->look_at_times(w.now);
    one->read(w.now);
    one->flush();
    if (auto due = next_of(one, w.now)) return due;
  }
  return std::nullopt;
}

nanoseconds streams::due() const {
  nanoseconds first = nanoseconds::max();
  for (const shared& one : all_) first = std::min(first, one->next_deadline().at);
  return first;
}

void streams::carried_to(world* next) {
  world_ = next;
  if (next != nullptr) on_ = callbacks_of(*next);
}

void streams::ended(bool orderly) {
  for (const shared& one : all_) {
    if (one->handed_to) continue;
    if (orderly)
      one->close(COPPICE_STREAM_NORMAL);
    else
      one->reset();
    one->is = stream::stage::gone;
  }
}

coppice_stream streams::callbacks_of(const world& w) {
  return table_of<coppice_stream>(*w.type, COPPICE_STREAM_DRAFT_2);
}

engine::call streams::with_info(const char* name, const shared& one,
                                std::int32_t (*function)(coppice_actor*, void*, std::uint64_t,
                                                         const coppice_stream_info*)) {
  return {name, [one, function](coppice_actor* self, void* state) {
            const coppice_stream_info info = one->info();
            return function == nullptr ? COPPICE_OK : function(self, state, one->id, &info);
          }};
}

std::optional<engine::call> streams::next_of(const shared& one, nanoseconds now) {
  if (one->handed_to) return leave(one);
  if (one->is_open() && !std::exchange(one->connect_told, true))
    return with_info("on_connect", one, on_.on_connect);
  if (one->is_open() && std::exchange(one->secured_due, false))
    return with_info("on_secured", one, on_.on_secured);
  if (std::exchange(one->last_drained, false) && one->is_open() && one->held)
    one->close(COPPICE_STREAM_RESET, "connection reset by peer");
  if (one->is_open() && std::exchange(one->drained_due, false)) {
    one->last_drained = one->peer_reset;
    return make("on_drained", one, on_.on_drained);
  }
  if (one->is_open() && !one->held)
    if (auto due = next_input(one, now)) return due;
  const bool has_more = !one->wire.empty() || one->input.size() >= one->needed;
  if (one->is_open() && one->peer_reset && (!one->held || !has_more))
    one->close(COPPICE_STREAM_RESET, "connection reset by peer");
  if (one->is_open() && !one->held && one->wire.empty()) {
    if (one->peer_ended && one->how.half_close && !std::exchange(one->eof_told, true))
      return make("on_eof", one, on_.on_eof);
    if (one->peer_ended && !one->how.half_close) one->close(COPPICE_STREAM_EOF);
    if (one->draining) one->close(COPPICE_STREAM_SHUTDOWN);
  }
  if (one->is == stage::ending && one->ending_since == 0ns) one->ending_since = now;
  if (one->is != stage::ending || one->end_held) return std::nullopt;
  one->is = stage::gone;
  return last_of(one);
}

std::optional<engine::call> streams::leave(const shared& one) {
  std::erase(all_, one);
  if (!one->accepted) return std::nullopt;
  return call{"hand_over", [](coppice_actor*, void*) { return COPPICE_OK; }, true};
}

engine::call streams::last_of(const shared& one) {
  if (!one->end_why_held.empty()) one->end_why = one->end_why_held;
  const coppice_bytes why{reinterpret_cast<const std::uint8_t*>(one->end_why.data()), one->end_why.size()};
  call last = make("on_close", one, on_.on_close, one->end_how, why);
  last.ends_actor = one->accepted;
  last.reason = one->end_reason;
  return last;
}

std::optional<engine::call> streams::next_input(const shared& one, nanoseconds now) {
  if (one->input.size() < one->needed) return std::nullopt;
  if (!one->cut_by.cuts())
    return call{"on_data",
                [this, one](coppice_actor* self, void* state) { return give_data(*one, self, state); }};
  const cut seen = one->cut_by.look(one->input);
  if (seen.is_frame) {
    std::string frame = one->input.substr(seen.offset, seen.length);
    one->use(seen.consumed, now);
    return call{"on_frame", [this, one, frame](coppice_actor* self, void* state) {
                  if (on_.on_frame == nullptr) return COPPICE_OK;
                  const lent_bytes at(frame);
                  return on_.on_frame(self, state, one->id, at.get());
                }};
  }
  if (seen.needed == 0)
    one->close(COPPICE_STREAM_FRAME, "frame_too_large");
  else
    one->needed = std::max(seen.needed, one->input.size() + 1);
  one->read(now); // a long frame is read beyond the credit
  return one->is_open() && one->input.size() >= one->needed ? next_input(one, now) : std::nullopt;
}

std::int32_t streams::give_data(stream& one, coppice_actor* self, void* state) {
  const std::string data = one.input;
  const nanoseconds now = of_self(self).now;
  if (on_.on_data == nullptr) return one.use(data.size(), now), COPPICE_OK;
  std::uint64_t used = data.size();
  const lent_bytes at(data);
  one.cut_anew = false;
  const std::int32_t status = on_.on_data(self, state, one.id, at.get(), &used);
  if (!one.is_open() || one.handed_to || one.securing) return status;
  const std::size_t taken = std::min(static_cast<std::size_t>(used), data.size());
  if (taken == 0 && data.size() >= one.cut_by.max() && !one.cut_anew) {
    one.close(COPPICE_STREAM_FRAME, "the actor uses none of " + std::to_string(data.size()) + " bytes");
    return status;
  }
  one.use(taken, now);
  if (!one.cut_anew) one.needed = data.size() - taken + 1;
  return status;
}

streams::lent_bytes::lent_bytes(const std::string& bytes)
    : block_(make_block({bytes.begin(), bytes.end()})),
      raw_{block_->bytes.data(), block_->bytes.size(),
           reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(block_) | lent_bit)} {}

const coppice_stream_api* stream_interface() {
  static constexpr coppice_stream_api table = {.size = sizeof(coppice_stream_api),
                                               .reserved = 0,
                                               .connect = &connect_stream,
                                               .write = &write_stream,
                                               .write_slice = &write_slice,
                                               .pause = &pause_stream,
                                               .resume = &resume_stream,
                                               .end = &end_stream,
                                               .close = &close_stream,
                                               .reset = &reset_stream,
                                               .start_tls = &start_tls,
                                               .set_framing = &set_framing,
                                               .info = &info_of_stream,
                                               .retain = &retain_slice,
                                               .release = &release_slice,
                                               .of_message = &slice_of_message,
                                               .hand_over = &hand_over_stream};
  return &table;
}

} // namespace coppice::testing::detail
