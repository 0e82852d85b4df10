// SPDX-License-Identifier: MIT
// replies: an actor that answers requests of a web server now, later or never, as their path says: /now tells
// what was asked; /later waits until somebody sends {release, Text}; /never; /throw; /twice answers two
// times, and the header x-second of the next /now is what came of the second; /bad has a status that none can
// have, /split a header with a line's end. Call `waiting` -> how many wait. What waits goes over a reload.
#include <coppice/web.hpp>

#include <stdexcept>

namespace replies {

namespace etf = coppice::etf;

struct release {
  std::string text;
};

class replies_server : public coppice::web {
 public:
  coppice::reply handle_request(const coppice::request& asked) {
    const std::string_view path = asked.path();
    if (path == "/later") {
      waiting_.emplace_back(asked.id());
      return coppice::later;
    }
    if (path == "/never") return coppice::later;
    if (path == "/throw") throw std::runtime_error("a handler that fails");
    if (path == "/bad") return coppice::response(99);
    if (path == "/split") return coppice::response(200).header("x-split", "a\r\nset-cookie: b");
    if (path == "/twice") {
      respond(asked.id(), coppice::response(200, "text/plain", "first"));
      second_ = respond(asked.id(), coppice::response(200, "text/plain", "second"));
      return coppice::later;
    }
    std::string text =
        std::string(asked.method()) + " " + std::string(path) + " " + std::string(asked.parameter("what"));
    text += " q=" + std::string(asked.query("q").value_or("-")) +
            " h=" + std::string(asked.header("x-asked").value_or("-"));
    text += " b=" + std::string(asked.body()) + " v=" + std::string(asked.version());
    return coppice::response(200, "text/plain", text).header("x-second", std::to_string(second_));
  }

  std::int64_t handle_call(const etf::constant<"waiting">&) const {
    return static_cast<std::int64_t>(waiting_.size());
  }

  void handle_info(const release& what) {
    for (const coppice::owned_term& id : std::exchange(waiting_, {}))
      respond(id, coppice::response(200, "text/plain", what.text));
  }

  std::vector<coppice::owned_term> save_state() const { return waiting_; }
  void restore_state(std::uint32_t, const std::vector<coppice::owned_term>& saved) { waiting_ = saved; }

 private:
  std::vector<coppice::owned_term> waiting_;
  std::int32_t second_ = 0;
};

} // namespace replies

COPPICE_PLUGIN("replies", "1.0.0", replies::replies_server);
