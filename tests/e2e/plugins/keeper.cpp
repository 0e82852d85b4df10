// SPDX-License-Identifier: MIT
// keeper: reports its arguments. call args -> its args; call initial -> the args that init got, which differ
// only if the args changed while it ran.
#include <coppice/server.hpp>

namespace keeper {

using coppice::term;
namespace etf = coppice::etf;

using ask_args = etf::constant<"args">;
using ask_initial = etf::constant<"initial">;

class keeper_server : public coppice::server {
 public:
  using calls = std::variant<ask_args, ask_initial>;
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("password":{"type":"string","minLength":4},"user":{"type":"string"},)"
      R"("hosts":{"type":"array","items":{"type":"object"}}}})";

  void init(term args) { initial_.assign(args.encoded.begin(), args.encoded.end()); }
  term handle_call(const ask_args&) { return args(); }
  term handle_call(const ask_initial&) { return {initial_}; }
  coppice::outcome config_change(term, term) { return coppice::outcome::go_on(); }

 private:
  std::vector<std::uint8_t> initial_;
};

} // namespace keeper

COPPICE_PLUGIN("keeper", "1.0.0", keeper::keeper_server);
