// SPDX-License-Identifier: MIT
// relay: a server that calls other servers inside its handler. The call looks like an ordinary function.
// While it waits, this actor's stack is set aside and its thread serves others. A destination is a name,
// {Name, Node} or a pid, of a server on this node or another.
#include <coppice/server.hpp>

namespace relay {

using coppice::term;
namespace etf = coppice::etf;

// Messages.
struct relay {
  term to, request;
};
struct fanout {
  std::vector<term> to;
  term request;
};

using error = etf::constant<"error">;

class relay_server : public coppice::server {
 public:
  static constexpr std::string_view args_schema = R"({"type":"object","additionalProperties":false})";
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr coppice::taken takes[] = {coppice::taken::calls};
  using calls = std::variant<relay, fanout>;

  coppice::message handle_call(const relay& request) { return outcome_of(call(request.to, request.request)); }

  coppice::message handle_call(const fanout& request) {
    const std::vector<coppice::destination> to(request.to.begin(), request.to.end());
    const auto answers = call_many(to, request.request);
    coppice::message_writer out;
    out.list(static_cast<std::uint32_t>(answers.size()));
    for (const auto& each : answers) out.raw(outcome_of(each).bytes());
    out.nil();
    return out.take();
  }

 private:
  // The answer for relay's caller: the reply itself, or {error, Why}.
  static coppice::message outcome_of(const coppice::answer& got) {
    switch (got.status) {
      case COPPICE_OK:
        return got.message.share();
      case COPPICE_E_EXIT:
        return coppice::make_message(std::pair(error{}, got.term()));
      case COPPICE_E_TIMEOUT:
        return why("timeout");
      case COPPICE_E_NOPROC:
        return why("noproc");
      case COPPICE_E_NODEDOWN:
        return why("nodedown");
      case COPPICE_E_SELF:
        return why("calling_self");
      default:
        return why("badarg");
    }
  }
  static coppice::message why(std::string_view word) {
    return coppice::make_message(std::pair(error{}, etf::atom{word}));
  }
};

} // namespace relay

COPPICE_PLUGIN("relay", "1.0.0", relay::relay_server);
