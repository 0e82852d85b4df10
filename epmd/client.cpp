// SPDX-License-Identifier: MIT
// An exchange gathers bytes until its decoder finds an answer in them or the connection ends. The loop's
// thread.
#include "epmd/client.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/buffer.hpp"
#include "base/uv.hpp"
#include "net/deadline.hpp"
#include "net/stream/stream.hpp"

namespace coppice::epmd {

class inquiry::exchange : public net::stream_handler {
 public:
  exchange(uv_loop_t* on, const base::socket_address& epmd, std::chrono::milliseconds patience)
      : target_("EPMD at " + epmd.to_string()), deadline_(on, [this, patience] {
          give_up({base::errc::timeout, fmt::format("no answer within {} ms", patience.count())});
        }) {
    deadline_.start(patience);
  }
  virtual ~exchange() = default;

  base::status connect(uv_loop_t* on, const base::socket_address& epmd, const request& asked) {
    // no timeout here: deadline_ covers the connection
    auto made = net::stream::connect(on, epmd, {std::chrono::milliseconds(0), {}}, *this);
    if (!made) return unexpected(std::move(made.error()).context(target_));
    stream_ = std::move(*made);
    base::buffer bytes;
    encode(bytes, asked);
    stream_.write(bytes.readable());
    return {};
  }

  void on_data(base::bytes_span bytes) override {
    if (received_.size() + bytes.size() > max_names_reply_bytes) {
      return give_up({base::errc::limit, "the answer is too long"});
    }
    received_.append(bytes);
    look(received_.readable(), false);
  }
  bool on_end() override {
    look(received_.readable(), true);
    return true;
  }
  void on_closed(base::error why) override { give_up(std::move(why)); }

 protected:
  // Each may call the caller's callback, which may destroy this object.
  virtual void look(base::bytes_span received, bool ended) = 0;
  virtual void failed(base::error why) = 0;

  void give_up(base::error why) { failed(std::move(why).context(target_)); }
  void hang_up() {
    deadline_.close();
    stream_.close();
  }

 private:
  std::string target_;
  net::deadline deadline_;
  base::buffer received_;
  net::stream stream_;
};

template <class Answer>
class inquiry::exchange_for final : public exchange {
 public:
  // Nothing: more bytes are needed.
  using decode_fn = base::result<std::optional<Answer>> (*)(base::bytes_span received, bool ended);

  static base::result<inquiry> start(uv_loop_t* on, const base::socket_address& epmd, const request& asked,
                                     std::chrono::milliseconds patience, decode_fn decode,
                                     done_fn<Answer> done) {
    auto made = std::make_unique<exchange_for>(on, epmd, patience);
    made->decode_ = decode;
    made->done_ = std::move(done);
    if (auto begun = made->connect(on, epmd, asked); !begun) return unexpected(std::move(begun.error()));
    return inquiry(std::move(made));
  }

  using exchange::exchange;

 private:
  void look(base::bytes_span received, bool ended) override {
    auto answer = decode_(received, ended);
    if (!answer) return give_up(std::move(answer.error()));
    if (answer->has_value()) return finish(std::move(**answer));
    if (ended) give_up({base::errc::closed, "hung up without an answer"});
  }
  void failed(base::error why) override { finish(unexpected(std::move(why))); }

  void finish(base::result<Answer> answer) {
    hang_up();
    const done_fn<Answer> done = std::move(done_);
    done(std::move(answer));
  }

  decode_fn decode_ = nullptr;
  done_fn<Answer> done_;
};

inquiry::inquiry() = default;
inquiry::inquiry(std::unique_ptr<exchange> under_way) : exchange_(std::move(under_way)) {}
inquiry::inquiry(inquiry&& other) noexcept = default;
inquiry& inquiry::operator=(inquiry&& other) noexcept = default;
inquiry::~inquiry() = default;

base::result<inquiry> inquiry::lookup(uv_loop_t* on, const base::socket_address& epmd,
                                      const std::string& name, std::chrono::milliseconds patience,
                                      done_fn<std::optional<node_info>> done) {
  using answer = std::optional<node_info>;
  if (auto fine = check_name(name); !fine) return unexpected(std::move(fine.error()));
  const auto decode = [](base::bytes_span received, bool) { return decode_port_reply(received); };
  return exchange_for<answer>::start(on, epmd, port_request{name}, patience, decode, std::move(done));
}

base::result<inquiry> inquiry::names(uv_loop_t* on, const base::socket_address& epmd,
                                     std::chrono::milliseconds patience, done_fn<names_reply> done) {
  const auto decode = [](base::bytes_span received, bool ended) -> base::result<std::optional<names_reply>> {
    if (!ended) return std::nullopt;
    auto reply = decode_names_reply(received);
    if (!reply) return unexpected(std::move(reply.error()));
    return std::move(*reply);
  };
  return exchange_for<names_reply>::start(on, epmd, names_request{}, patience, decode, std::move(done));
}

base::result<inquiry> inquiry::ask(uv_loop_t* on, const base::socket_address& epmd, const request& asked,
                                   std::chrono::milliseconds patience, done_fn<std::string> done) {
  const auto decode = [](base::bytes_span received, bool ended) -> base::result<std::optional<std::string>> {
    if (!ended) return std::nullopt;
    return std::string(base::as_text(received));
  };
  return exchange_for<std::string>::start(on, epmd, asked, patience, decode, std::move(done));
}

} // namespace coppice::epmd
