// SPDX-License-Identifier: MIT
// TLS between a stream and its carrier, itself a carrier: the handshake in steps that the loop's pacer
// grants, then records decrypted into the stream's space, and encrypted as the carrier under it takes them.
// Only so much is encrypted ahead as keeps the carrier busy, because encrypted bytes can no longer be given
// back. Private to the room; the loop's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/carrier.hpp"
#include "net/tls/tls_filter_state.hpp"
#include "net/tls/tls_pacer.hpp"
#include "net/tls/tls_session.hpp"

namespace coppice::net {

class tls_filter final : public carrier, private carrier::user, private tls_pacer::client {
 public:
  // Calls of a filter to the stream above it, beyond those that every carrier makes.
  class owner : public carrier::user {
   public:
    // Whether the stream takes decrypted bytes now, or the peer's end.
    virtual bool takes() const = 0;
    // Whether the stream has failed or is closed. The filter may be gone then.
    virtual bool is_over() const = 0;
    // Whether our direction ends behind what is queued. Asked when all that is queued is encrypted; if so,
    // the filter adds its end.
    virtual bool says_end() = 0;
    // There are bytes to send: at the end of the loop's turn, or now.
    virtual void schedule() = 0;
    virtual void flush() = 0;
    // The handshake has succeeded.
    virtual void secured() = 0;
    // The stream fails now; send_alert() may tell the peer why.
    virtual void fail_now(base::error why) = 0;
  };

  // `pacer` outlives the handshake.
  tls_filter(std::shared_ptr<const tls_context> context, std::string host, tls_pacer* pacer);
  ~tls_filter() override { leave_pacer(); }
  tls_filter(const tls_filter&) = delete;

  // Stands between the two from now on. Both outlive it, or let it go.
  void stand_between(owner& above, carrier& below);
  // Begins the handshake.
  void begin();
  // Bytes of TLS that were read before, at most once, before any others are read. Not empty.
  void begin_with(base::bytes_span first);
  // The bytes in the queue leave before the session's bytes, as they are.
  void send_first(write_queue& queue);
  // No steps of the handshake are taken from here on.
  void leave_pacer();
  // Separates the filter from both, after the handshake; stand_between() may follow on another loop.
  void let_go();
  // Hands the stream what it has read and not handed over, and the peer's end. Called when the stream is
  // open, at the end of the loop's turn.
  void deliver();
  // Sends what waits of an alert. True: the kernel has it.
  bool send_alert();

  bool is_client() const { return session_.is_client(); }
  bool established() const { return session_.established(); }
  std::string_view version() const { return session_.version(); }
  std::string_view protocol() const { return session_.protocol(); }
  std::optional<peer_certificate> peer() const { return session_.peer(); }

  void set_user(carrier::user&) override {} // stand_between() names the user
  base::status start_reading() override;
  void stop_reading() override;
  base::status drop() override { return below_->drop(); }
  bool has_unread() const override { return below_->has_unread(); }
  base::result<written> write(write_queue& from) override;
  base::status write_later(write_queue& from) override;
  std::size_t borrowed() const override { return 0; }
  void moved(write_queue&) override {}
  std::size_t write_before_file(write_queue&) override { return 0; }
  std::size_t send_file(int, std::uint64_t, std::size_t) override { return 0; }
  base::status shut_down() override { return below_->shut_down(); }
  int descriptor() const override { return below_->descriptor(); }
  base::result<socket_of> detach() override { return below_->detach(); }
  void unref() override { below_->unref(); }
  void close(std::unique_ptr<carrier::user> last) override { below_->close(std::move(last)); }

 private:
  void connected(int code) override { owner_->connected(code); }
  bool reads_now() override { return owner_->reads_now(); }
  std::span<std::uint8_t> space() override;
  void heard(std::size_t bytes) override { owner_->heard(bytes); }
  void came(base::bytes_span bytes, bool all) override;
  void filled() override { owner_->filled(); }
  void came_to_end(base::error why, bool whole) override;
  void dropped(std::size_t bytes) override { owner_->dropped(bytes); }
  void sent(std::size_t bytes, int code) override { owner_->sent(bytes, code); }
  void was_shut_down() override { owner_->was_shut_down(); }
  void fail_later(base::error why) override { owner_->fail_later(std::move(why)); }

  bool take_step() override;
  void adjust_reading();
  void fail_opened(base::error why);
  base::status seal(write_queue& from);

  tls_session session_;
  owner* owner_ = nullptr;
  carrier* below_ = nullptr;
  tls_pacer* pacer_; // null: no steps are to be taken
  tls_phase phase_;
  tls_reading reading_;
  std::unique_ptr<std::uint8_t[]> sealed_space_{};
  std::size_t sealed_size_ = 0;
};

} // namespace coppice::net
