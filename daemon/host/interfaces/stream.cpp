// SPDX-License-Identifier: MIT
// "coppice.stream_host/draft-2" over the actor's streams. In the process's own turn; functions on slices on
// any thread.
#include <coppice/draft/stream.h>

#include "base/clock.hpp"
#include "host/boundary/entry.hpp"
#include "host/boundary/flags.hpp"
#include "host/boundary/framing.hpp"
#include "host/boundary/sized.hpp"
#include "host/boundary/streams.hpp"
#include "runtime/messages/raw_message.hpp"

namespace coppice::host {
namespace {

using behaviours::actor_stream;
using behaviours::stream_options;

constexpr std::uint64_t most_kept = std::uint64_t{1} << 30; // bytes of a frame, or of data that waits
constexpr base::nanos connect_time = 7 * base::nanos_per_second;

// COPPICE_OK and the stream, if there is a stream of this number.
std::int32_t find(coppice_actor* self, std::uint64_t id, actor_stream*& out) {
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  behaviours::actor_streams* const all = self->streams();
  out = all == nullptr ? nullptr : all->find(id);
  return out == nullptr ? COPPICE_E_NOT_FOUND : COPPICE_OK;
}

// False: the options are not valid.
bool read_framing(const coppice_framing* given, net::framing& out) {
  const auto from = sized(given, COPPICE_FRAMING_LEAST);
  auto read = from ? framing_of(*from) : std::nullopt;
  if (read) out = std::move(*read);
  return read.has_value();
}

base::nanos limit_or(std::int64_t given, base::nanos otherwise) {
  return given < 0 ? 0 : given == 0 ? otherwise : given;
}

bool read_options(const coppice_connect_options& from, stream_options& out) {
  if (from.framing != nullptr && !read_framing(from.framing, out.framing)) return false;
  if (from.credit > most_kept || from.high > most_kept || from.low > most_kept) return false;
  if (from.credit != 0) out.credit = from.credit;
  if (from.high != 0) out.high = from.high;
  out.low = from.low != 0 ? from.low : out.high / 4;
  out.idle = std::max<std::int64_t>(from.idle, 0);
  out.first_byte = std::max<std::int64_t>(from.first_byte, 0);
  out.frame = limit_or(from.frame, out.frame);
  out.stall = limit_or(from.stall, out.stall);
  out.half_close = (from.flags & COPPICE_CONNECT_HALF_CLOSE) != 0;
  return out.low <= out.high;
}

std::int32_t read_tls(const coppice_tls_options* given, behaviours::stream_tls& out) {
  const auto from = sized(given, COPPICE_TLS_OPTIONS_LEAST);
  if (!from) return COPPICE_E_INVALID;
  constexpr std::uint32_t known =
      COPPICE_TLS_SERVER | COPPICE_TLS_VERIFY | COPPICE_TLS_UNVERIFIED | COPPICE_TLS_1_2;
  if (!all_known(from->flags, known)) return COPPICE_E_UNSUPPORTED;
  const auto host = text_of(from->host);
  const auto authorities = text_of(from->authorities);
  const auto certificate = text_of(from->certificate);
  const auto key = text_of(from->key);
  const auto protocols = text_of(from->protocols);
  if (!host || !authorities || !certificate || !key || !protocols) return COPPICE_E_INVALID;
  out.server = (from->flags & COPPICE_TLS_SERVER) != 0;
  out.host = *host;
  out.files.authorities = *authorities;
  out.files.certificate = *certificate;
  out.files.key = *key;
  out.files.verify_peer =
      out.server ? (from->flags & COPPICE_TLS_VERIFY) != 0 : (from->flags & COPPICE_TLS_UNVERIFIED) == 0;
  out.files.allow_tls_1_2 = (from->flags & COPPICE_TLS_1_2) != 0;
  for (std::string_view rest = *protocols; !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(','));
    out.files.protocols.emplace_back(one);
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
  }
  return COPPICE_OK;
}

// Returns the status and sets a text for the callback that returns it.
std::int32_t refuse(coppice_actor& self, std::int32_t status, std::string why) {
  self.needs_extra().error = {true, status, std::move(why), {}};
  return status;
}

// Whether any certificate would be accepted that an authority has signed, for any host.
bool checks_nobody(const behaviours::stream_tls& how) {
  return !how.server && how.files.verify_peer && how.host.empty();
}
constexpr std::string_view no_host =
    "tls: there is no host that the certificate could be for; say which, or "
    "take any certificate";

std::int32_t connect(coppice_actor* self, const coppice_connect_options* options, std::uint64_t* out_stream) {
  if (out_stream == nullptr) return COPPICE_E_INVALID;
  *out_stream = 0;
  if (const std::int32_t status = may_call(self); status != COPPICE_OK) return status;
  const auto given = sized(options, COPPICE_CONNECT_OPTIONS_LEAST);
  if (!given || !self->takes_streams) return COPPICE_E_INVALID;
  if (!all_known(given->flags, COPPICE_CONNECT_HALF_CLOSE)) return COPPICE_E_UNSUPPORTED;
  const auto host = text_of(given->host);
  if (!host || host->empty() || given->port > UINT16_MAX) return COPPICE_E_INVALID;
  auto how = std::make_shared<stream_options>();
  if (!read_options(*given, *how)) return COPPICE_E_INVALID;

  behaviours::outgoing_stream to;
  to.cause = net::lookup_cause::dialled;
  to.host = *host;
  to.port = static_cast<std::uint16_t>(given->port);
  if (given->tls != nullptr)
    if (const std::int32_t status = read_tls(given->tls, to.tls.emplace()); status != COPPICE_OK)
      return status;
  if (to.tls && to.port == 0 && checks_nobody(*to.tls))
    return refuse(*self, COPPICE_E_INVALID, std::string(no_host));
  to.time = given->deadline == 0 ? connect_time : given->deadline - base::mono_now();
  to.options = std::move(how);
  auto made = needs_streams(*self).connect(std::move(to));
  if (!made) return refuse(*self, COPPICE_E_INVALID, std::move(made.error().text));
  *out_stream = *made;
  return COPPICE_OK;
}

std::int32_t status_of(actor_stream::write_result written) {
  using result = actor_stream::write_result;
  return written == result::ok ? COPPICE_OK : written == result::full ? COPPICE_E_FULL : COPPICE_E_NOT_FOUND;
}

std::int32_t write(coppice_actor* self, std::uint64_t id, coppice_bytes bytes) {
  actor_stream* stream = nullptr;
  if (const std::int32_t status = find(self, id, stream); status != COPPICE_OK) return status;
  if (bytes.data == nullptr && bytes.size != 0) return COPPICE_E_INVALID;
  return status_of(stream->write(base::bytes_span{bytes.data, static_cast<std::size_t>(bytes.size)}));
}

coppice_message as_message(const coppice_slice& slice) {
  return {slice.data, slice.size, slice.owner};
}
coppice_slice as_slice(const coppice_message& message) {
  return {message.data, message.size, message.owner};
}

std::int32_t retain(const coppice_slice* slice, coppice_slice* out_new) {
  if (slice == nullptr || out_new == nullptr) return COPPICE_E_INVALID;
  *out_new = {};
  if (slice->size == 0) return COPPICE_OK;
  const coppice_message from = as_message(*slice);
  coppice_message shared{};
  const std::int32_t status = message_interface()->retain(&from, &shared);
  *out_new = as_slice(shared);
  return status;
}

void release(coppice_slice* slice) {
  if (slice == nullptr) return;
  coppice_message whole = as_message(*slice);
  message_interface()->release(&whole);
  *slice = {};
}

std::int32_t of_message(const coppice_message* message, coppice_bytes part, coppice_slice* out) {
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

std::int32_t write_slice(coppice_actor* self, std::uint64_t id, const coppice_slice* slice) {
  actor_stream* stream = nullptr;
  if (const std::int32_t status = find(self, id, stream); status != COPPICE_OK) return status;
  if (slice == nullptr) return COPPICE_E_INVALID;
  if (slice->size < net::write_queue::copy_below || slice->owner == nullptr)
    return write(self, id, {slice->data, slice->size});
  coppice_slice shared{};
  if (const std::int32_t status = retain(slice, &shared); status != COPPICE_OK) return status;
  return status_of(stream->write(
      runtime::raw_message::adopt(shared.owner, {shared.data, static_cast<std::size_t>(shared.size)})));
}

template <void (actor_stream::*Function)()>
std::int32_t tell(coppice_actor* self, std::uint64_t id) {
  actor_stream* stream = nullptr;
  if (const std::int32_t status = find(self, id, stream); status != COPPICE_OK) return status;
  (stream->*Function)();
  return COPPICE_OK;
}

std::int32_t close(coppice_actor* self, std::uint64_t id) {
  actor_stream* stream = nullptr;
  if (const std::int32_t status = find(self, id, stream); status != COPPICE_OK) return status;
  stream->close();
  return COPPICE_OK;
}

std::int32_t set_framing(coppice_actor* self, std::uint64_t id, const coppice_framing* framing) {
  actor_stream* stream = nullptr;
  if (const std::int32_t status = find(self, id, stream); status != COPPICE_OK) return status;
  net::framing how;
  if (!read_framing(framing, how)) return COPPICE_E_INVALID;
  stream->set_framing(how);
  return COPPICE_OK;
}

std::int32_t start_tls(coppice_actor* self, std::uint64_t id, const coppice_tls_options* options) {
  actor_stream* stream = nullptr;
  if (const std::int32_t status = find(self, id, stream); status != COPPICE_OK) return status;
  if (!stream->is_open() || stream->is_broken()) return COPPICE_E_NOT_FOUND;
  behaviours::stream_tls how;
  if (const std::int32_t status = read_tls(options, how); status != COPPICE_OK) return status;
  if (!stream->may_start_tls()) return COPPICE_E_INVALID;
  if (how.host.empty()) how.host = stream->target();
  if (checks_nobody(how)) return refuse(*self, COPPICE_E_INVALID, std::string(no_host));
  auto done = self->extra->streams->start_tls(*stream, how);
  return done ? COPPICE_OK : refuse(*self, COPPICE_E_REFUSED, std::move(done.error().text));
}

std::int32_t hand_over(coppice_actor* self, std::uint64_t id, coppice_bytes to) {
  actor_stream* stream = nullptr;
  if (const std::int32_t status = find(self, id, stream); status != COPPICE_OK) return status;
  const auto whom = destination_of(*self, to);
  if (!whom || !whom->here() || whom->what() == runtime::destination::kind::alias) return COPPICE_E_INVALID;
  auto done = self->extra->streams->hand_over(*stream, *whom);
  return done ? COPPICE_OK : refuse(*self, COPPICE_E_REFUSED, std::move(done.error().text));
}

std::int32_t info(coppice_actor* self, std::uint64_t id, coppice_stream_info* out) {
  actor_stream* stream = nullptr;
  if (const std::int32_t status = find(self, id, stream); status != COPPICE_OK) return status;
  if (out == nullptr || out->size < COPPICE_STREAM_INFO_LEAST) return COPPICE_E_INVALID;
  const coppice_stream_info all = info_of(*stream);
  const std::uint32_t size = std::min<std::uint32_t>(out->size, sizeof all);
  std::memcpy(out, &all, size);
  out->size = size;
  return COPPICE_OK;
}

} // namespace

const coppice_stream_api* stream_interface() {
  static const coppice_stream_api table = {
      .size = sizeof(coppice_stream_api),
      .reserved = 0,
      .connect = &entry<&connect>::call,
      .write = &entry<&write>::call,
      .write_slice = &entry<&write_slice>::call,
      .pause = &entry<&tell<&actor_stream::pause>>::call,
      .resume = &entry<&tell<&actor_stream::resume>>::call,
      .end = &entry<&tell<&actor_stream::end>>::call,
      .close = &entry<&close>::call,
      .reset = &entry<&tell<&actor_stream::reset>>::call,
      .start_tls = &entry<&start_tls>::call,
      .set_framing = &entry<&set_framing>::call,
      .info = &entry<&info>::call,
      .retain = &plain_entry<&retain>::call,
      .release = &plain_entry<&release>::call,
      .of_message = &plain_entry<&of_message>::call,
      .hand_over = &entry<&hand_over>::call,
  };
  return &table;
}

} // namespace coppice::host
