// SPDX-License-Identifier: MIT
// rooms: durable
// Segments of a durable log: records of any kind with any numbers, as no writer would write them, then bytes
// that are flipped, lost and added. Whatever is read, pieces follow each other without overlap, a group is
// whole or has the reason why not, and live bytes are those that the index points at.
#include <algorithm>
#include <map>
#include <string>

#include "durable/recovery.hpp"
#include "script.hpp"

namespace {

using namespace coppice;
using namespace coppice::durable;
using fuzz::check;
using fuzz::script;

const identity id{};

// Files that are only read.
class folder final : public disk {
 public:
  std::map<std::string, std::string> files;

  base::result<std::unique_ptr<file>> open(const std::string& path, durable::access) override {
    return std::make_unique<reader>(files.at(path));
  }
  base::result<std::vector<std::string>> list(const std::string& of) override {
    std::vector<std::string> names;
    for (const auto& [path, bytes] : files) names.push_back(path.substr(of.size() + 1));
    return names;
  }
  base::result<std::unique_ptr<held_folder>> open_folder(const std::string&) override { return no(); }
  base::status remove(const std::string&) override { return no(); }
  base::status rename(const std::string&, const std::string&) override { return no(); }
  base::result<std::unique_ptr<held_lock>> lock(const std::string&) override { return no(); }

 private:
  static unexpected<base::error> no() { return base::fail(base::errc::refused, "it is only read"); }
  class reader final : public file {
   public:
    explicit reader(const std::string& bytes) : bytes_(bytes) {}
    base::result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const override {
      const std::size_t count = std::min<std::size_t>(into.size(), bytes_.size() - offset);
      std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
      return count;
    }
    base::status write(std::uint64_t, base::bytes_span) override { return no(); }
    base::status sync() override { return no(); }
    base::status resize(std::uint64_t) override { return no(); }
    base::status reserve(std::uint64_t) override { return no(); }
    base::result<std::uint64_t> size() const override { return bytes_.size(); }

   private:
    const std::string& bytes_;
  };
};

// Mostly small, sometimes as large as possible.
std::uint64_t number(script& from) {
  const std::uint8_t byte = from.byte();
  return byte < 200 ? byte % 16 : ~std::uint64_t{0} >> (byte - 200);
}

std::string make_segment(script& from, std::uint64_t at) {
  std::string bytes = encode_segment_head({id, at, at * 10, number(from)});
  const std::uint32_t seed = record_seed(id, at);
  std::uint64_t batch = at * 10;
  std::map<std::uint64_t, std::uint32_t> counts;
  for (int left = from.byte() % 32; left > 0 && !from.ended(); --left) {
    record head;
    head.what = static_cast<kind>(1 + from.byte() % 8);
    head.ends_batch = from.byte() % 2 == 0;
    head.batch = batch;
    head.group = number(from);
    head.serial = number(from);
    head.index = number(from);
    head.term = number(from);
    batch += head.ends_batch ? 1 : 0;
    ++counts[head.group];
    encode_record(bytes, seed, head, std::string(from.byte() % 40, 'n'));
  }
  if (from.byte() % 3 == 0) return bytes;
  std::vector<footer_item> items;
  for (const auto& [group, count] : counts) items.push_back({group, count + from.byte() % 2});
  encode_footer(bytes, 0, seed, batch + 1, items, from.byte() % 4 != 0);
  return bytes;
}

void damage_bytes(script& from, std::string& bytes) {
  for (int left = from.byte() % 4; left > 0 && !bytes.empty(); --left) {
    const std::size_t at = (from.byte() * 256U + from.byte()) % bytes.size();
    switch (from.byte() % 4) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << from.byte() % 8));
        break;
      case 1:
        bytes.resize(at);
        break;
      case 2:
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    std::min<std::size_t>(512, bytes.size() - at), '\0');
        break;
      default:
        bytes.append(from.byte(), '\0');
    }
  }
}

// Zeros after a segment whose records are all whole are reserved room and change nothing else. A byte after
// them is a torn tail and takes nothing from the records.
void check_room(const std::string& bytes, std::uint64_t at, const scanned_segment& seen) {
  if (!seen.head || seen.torn_at || !std::ranges::all_of(seen.pieces, &piece::whole)) return;
  const auto same = [&](const scanned_segment& other) {
    return std::ranges::equal(other.pieces, seen.pieces, {}, &piece::offset, &piece::offset) &&
           other.closed == seen.closed && other.footer.has_value() == seen.footer.has_value() &&
           other.last_batch == seen.last_batch && other.last_batch_at == seen.last_batch_at;
  };
  std::string longer = bytes + std::string(100, '\0');
  const auto with_room = scan_segment(base::as_bytes(longer), id, at, true);
  check(same(with_room) && !with_room.torn_at && with_room.reserved == seen.reserved + 100);
  longer += 'x';
  const auto with_tail = scan_segment(base::as_bytes(longer), id, at, true);
  check(same(with_tail) && with_tail.torn_at == bytes.size() - seen.reserved && with_tail.reserved == 0);
}

void check_pieces(const std::string& bytes, std::uint64_t at, bool is_newest) {
  const auto seen = scan_segment(base::as_bytes(bytes), id, at, is_newest);
  std::uint64_t end = segment_head_size;
  for (const piece& one : seen.pieces) {
    check(one.offset >= end && one.size > 0);
    end = one.offset + one.size;
    check(end <= bytes.size() && (!seen.torn_at || one.offset < *seen.torn_at));
  }
  check(seen.last_batch_at <= bytes.size());
  check(is_newest || seen.reserved == 0);
  check(seen.reserved <= bytes.size());
  check(std::all_of(bytes.end() - static_cast<std::ptrdiff_t>(seen.reserved), bytes.end(),
                    [](char byte) { return byte == 0; }));
  if (is_newest) check_room(bytes, at, seen);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_pieces({reinterpret_cast<const char*>(data), size}, 1, size % 2 == 0);
  script from({data, size});
  folder disk;
  std::uint64_t total = 0;
  for (std::uint64_t at = 1, last = 1 + from.byte() % 3; at <= last; ++at) {
    std::string bytes = make_segment(from, at);
    damage_bytes(from, bytes);
    check_pieces(bytes, at, at == last);
    total += bytes.size();
    if (from.byte() % 8 != 0) disk.files["/log/" + segment_name(at)] = bytes;
  }
  const auto found = recover(disk, "/log", id, 256);
  if (!found) return 0;
  check(found->found.live_bytes() <= total);
  std::uint64_t live = 0;
  for (const segment_report& one : found->segments) live += found->found.live_bytes(one.number);
  check(live == found->found.live_bytes());
  for (const auto& [group, of] : found->found.groups())
    check(!of.damage.empty() || (of.loose.empty() && !of.name.empty()));
  for (const damage& one : found->damages) check(disk.files.contains(one.file) || one.size == 0);
  return 0;
}
