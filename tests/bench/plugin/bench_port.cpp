// SPDX-License-Identifier: MIT
// Our side of port_line_1M: an actor whose program prints as many lines as it is told to.
#include <coppice/tcp.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace {

// {run, N}: returns how long N lines took, in microseconds.
struct run_request {
  static constexpr std::string_view etf_tag = "run";
  std::int64_t lines;
};

class lines : public coppice::tcp {
 public:
  static constexpr std::string_view name = "lines";
  using calls = std::variant<run_request>;

  void on_connect(coppice::connection program, const coppice::connection_info&) { program_ = program.id(); }
  void handle_call(const run_request& asked, coppice::term from) {
    wanted_ = asked.lines;
    from_.assign(from.encoded.begin(), from.encoded.end());
    began_ = now();
    coppice::connection(*this, program_).write(std::to_string(asked.lines) + "\n");
  }
  void on_frame(coppice::connection, coppice::bytes) {
    if (--wanted_ != 0) return;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now() - began_);
    reply(coppice::term{from_}, static_cast<std::int64_t>(took.count()));
  }

 private:
  std::uint64_t program_ = 0;
  std::int64_t wanted_ = 0;
  std::vector<std::uint8_t> from_;
  decltype(std::declval<const coppice::actor&>().now()) began_{};
};

} // namespace

COPPICE_PLUGIN("bench_port", "1.0.0", lines);
