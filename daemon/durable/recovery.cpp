// SPDX-License-Identifier: MIT
// Finds out which groups a damaged stretch has hurt. That is known if the record's head is whole, or if the
// segment has its footer, which lists the records. Otherwise each group has to prove that it lost none there:
// the serials of its last record before the damage and its first one after it must follow each other. A group
// that cannot prove it is stopped, since entries that were acknowledged may be lost.
#include "durable/recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace coppice::durable {
namespace {

constexpr std::size_t read_at_once = 65'536;

base::result<file_bytes> read_all(disk& on, const std::string& path) {
  auto opened = on.open(path, access::read);
  if (!opened) return unexpected(std::move(opened.error()));
  auto content = read_all(**opened);
  if (!content) return unexpected(std::move(content.error()).context(path));
  return content;
}

class reading {
 public:
  reading(disk& on, const std::string& folder, const identity& of, std::size_t longest_start)
      : on_(on), folder_(folder), of_(of), longest_start_(longest_start) {}

  base::result<recovered> run() {
    auto names = on_.list(folder_);
    if (!names) return unexpected(std::move(names.error()));
    std::vector<std::uint64_t> numbers;
    for (const std::string& name : *names)
      if (const auto number = segment_number(name)) numbers.push_back(*number);
    std::ranges::sort(numbers);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (auto read = read_segment(numbers[i], i > 0 ? numbers[i - 1] : 0, i + 1 == numbers.size()); !read)
        return unexpected(std::move(read.error()));
    }
    finish();
    return std::move(out_);
  }

 private:
  base::status read_segment(std::uint64_t number, std::uint64_t before, bool is_newest) {
    set_path(number);
    auto content = read_all(on_, path_);
    if (!content) return unexpected(std::move(content.error()));
    // Whether this is a torn tail cannot be known.
    if (is_newest && !content->unreadable.empty())
      return base::fail(base::errc::system, fmt::format("offset {} of the newest segment cannot be read: {}",
                                                        content->unreadable.front(), content->problem));
    const auto bytes = base::as_bytes(content->bytes);
    const scanned_segment seen = scan_segment(bytes, of_, number, is_newest);
    if (seen.is_other_format) return base::fail(base::errc::unsupported, path_ + ": " + seen.head_problem);
    const bool is_unusable = seen.torn_at && *seen.torn_at == 0;
    if (seen.is_foreign || (is_unusable && bytes.size() > longest_start_)) {
      refuse(bytes.size(), seen.is_foreign ? seen.head_problem
                                           : "no record can be read, and it is longer than a first batch");
      out_.segments.push_back({number, bytes.size()});
      return {};
    }
    // An unusable segment was never written to. It proves nothing, not even that its number was reached.
    out_.next_segment = (is_unusable ? before : number) + 1;
    if (before != 0 && number != before + 1 && !is_unusable) missing_before(before + 1);
    set_path(number);
    out_.next_batch = std::max(out_.next_batch, seen.last_batch + 1);
    items_.clear();
    const std::size_t damages_before = out_.damages.size();
    if (!is_unusable) {
      out_.segments.push_back({number, seen.torn_at ? *seen.torn_at : bytes.size() - seen.reserved});
      apply(seen, bytes, number, is_newest);
    }
    if (is_newest) note_newest(seen, std::move(content->bytes), number, out_.damages.size() > damages_before);
    return {};
  }

  void apply(const scanned_segment& seen, base::bytes_span bytes, std::uint64_t number, bool is_newest) {
    if (seen.head) {
      out_.found.at_least_next_group(seen.head->next_group);
      out_.next_batch = std::max(out_.next_batch, seen.head->first_batch);
    } else {
      add_damage(0, segment_head_size, seen.head_problem);
    }
    const std::set<std::uint64_t> lost = lost_groups(seen);
    for (const piece& one : seen.pieces) {
      if (one.found) {
        take(one, bytes, number);
      } else {
        damage& hurt = add_damage(one.offset, one.size, "this is no record");
        if (!seen.footer) {
          nobody_knows(hurt);
        } else {
          for (const std::uint64_t group : lost) stop(group, hurt);
        }
      }
    }
    if (is_newest) return;
    if (!seen.closed) {
      nobody_knows(add_damage(bytes.size(), 0, "the segment's end is missing"));
    } else if (std::ranges::all_of(seen.pieces, &piece::whole) && !lost.empty()) {
      damage& hurt = add_damage(bytes.size(), 0, "records that the footer names are missing");
      for (const std::uint64_t group : lost) stop(group, hurt);
    }
  }

  void take(const piece& one, base::bytes_span bytes, std::uint64_t number) {
    const record& head = one.found->head;
    if (head.what >= kind::footer) {
      add_damage(one.offset, one.size, "the footer's checksum is wrong");
      return;
    }
    ++items_[head.group];
    check_serial(head, one.offset);
    if (!one.whole) {
      stop(head.group, add_damage(one.offset, one.size, "the record's checksum is wrong"));
      out_.found.groups()[head.group].serial = head.serial;
      return;
    }
    const auto body = bytes.subspan(one.offset + record_head_size, one.found->length);
    out_.found.apply(head, base::as_text(body),
                     {number, static_cast<std::uint32_t>(one.offset), static_cast<std::uint32_t>(one.size)});
    unproven_.erase(head.group);
  }

  void check_serial(const record& head, std::uint64_t offset) {
    if (head.what == kind::remove) return; // earlier records of the group do not matter any more
    const group_state* const of = out_.found.find(head.group);
    const bool follows = of == nullptr || of->serial == 0 ? head.serial == 1 : head.serial == of->serial + 1;
    if (follows || (of != nullptr && !of->damage.empty())) return;
    if (unknown_) return stop(head.group, out_.damages[*unknown_]);
    // The oldest record left of a group; the ones before it were removed with their segments.
    if (of == nullptr || of->serial == 0) return;
    stop(head.group, add_damage(offset, 0, "records of this group are missing before it"));
  }

  void refuse(std::uint64_t size, const std::string& why) {
    damage& found = add_damage(0, size, why);
    if (!out_.refusal) out_.refusal = base::error{base::errc::invalid, found.text()};
    nobody_knows(found);
  }

  damage& add_damage(std::uint64_t offset, std::uint64_t size, const std::string& why) {
    return out_.damages.emplace_back(damage{path_, offset, size, why, {}, true});
  }

  void stop(std::uint64_t group, damage& why) {
    if (std::ranges::find(why.groups, group) == why.groups.end()) why.groups.push_back(group);
    out_.found.at_least_next_group(group + 1);
    std::string& text = out_.found.groups()[group].damage;
    if (text.empty()) text = why.text();
  }

  void nobody_knows(damage& where) {
    where.all_groups_known = false;
    unknown_ = static_cast<std::size_t>(&where - out_.damages.data());
    for (const auto& [number, of] : out_.found.groups())
      if (of.damage.empty()) unproven_.try_emplace(number, *unknown_);
  }

  void set_path(std::uint64_t number) { path_ = folder_ + "/" + segment_name(number); }

  void missing_before(std::uint64_t number) {
    set_path(number);
    nobody_knows(add_damage(0, 0, "the segment is missing"));
  }

  // Groups that have fewer records in the segment than its footer says.
  static std::set<std::uint64_t> lost_groups(const scanned_segment& seen) {
    std::set<std::uint64_t> lost;
    if (!seen.footer) return lost;
    std::map<std::uint64_t, std::uint32_t> counts;
    for (const piece& one : seen.pieces)
      if (one.found && one.found->head.what < kind::footer) ++counts[one.found->head.group];
    for (const footer_item& one : *seen.footer)
      if (counts[one.group] < one.count) lost.insert(one.group);
    return lost;
  }

  void note_newest(const scanned_segment& seen, std::string bytes, std::uint64_t number, bool has_damage) {
    newest_segment out;
    out.number = number;
    out.is_unusable = seen.torn_at && *seen.torn_at == 0;
    out.reserved = seen.reserved;
    bytes.resize(bytes.size() - out.reserved);
    if (seen.torn_at) {
      out.torn = bytes.size() - std::min<std::uint64_t>(*seen.torn_at, bytes.size());
      bytes.resize(bytes.size() - out.torn);
    }
    out.bytes = std::move(bytes);
    out.closed = seen.closed;
    out.has_damage = has_damage;
    out.last_batch_at = seen.last_batch_at;
    if (!seen.closed && !seen.pieces.empty() && seen.pieces.back().found &&
        !seen.pieces.back().found->head.ends_batch)
      out.unended_at = seen.pieces.back().offset;
    for (const auto& [group, count] : items_) out.items.push_back({group, count});
    out_.newest = std::move(out);
  }

  void finish() {
    for (const auto& [group, at] : unproven_)
      if (out_.found.find(group) != nullptr) stop(group, out_.damages[at]);
    out_.found.settle();
    // Damage does not matter to a group that was removed later.
    for (damage& one : out_.damages)
      std::erase_if(one.groups, [this](std::uint64_t group) { return out_.found.find(group) == nullptr; });
  }

  disk& on_;
  const std::string& folder_;
  const identity& of_;
  const std::size_t longest_start_;
  recovered out_;
  std::string path_;                              // of the segment that is being read
  std::map<std::uint64_t, std::uint32_t> items_;  // groups and their records in that segment
  std::map<std::uint64_t, std::size_t> unproven_; // groups, and the damage that may have hurt them
  std::optional<std::size_t> unknown_;            // the newest damage that may have hurt any group
};

} // namespace

std::string damage::text() const {
  return fmt::format("{}, offset {}: {}", file, offset, why);
}

base::result<file_bytes> read_all(const file& from) {
  const auto size = from.size();
  if (!size) return unexpected(size.error());
  if (*size > longest_file) return base::fail(base::errc::invalid, "it is longer than 1 GiB");
  file_bytes out;
  out.bytes.resize(*size);
  for (std::uint64_t at = 0; at < *size; at += read_at_once) {
    const std::size_t wanted = std::min<std::size_t>(read_at_once, *size - at);
    const auto got = from.read(at, {reinterpret_cast<std::uint8_t*>(out.bytes.data()) + at, wanted});
    if (got) continue;
    std::fill_n(out.bytes.begin() + static_cast<std::ptrdiff_t>(at), wanted, '\0');
    out.unreadable.push_back(at);
    out.problem = got.error().text;
  }
  return out;
}

base::result<identity> read_identity(disk& on, const std::string& folder) {
  const std::string path = folder + "/identity";
  auto content = read_all(on, path);
  if (!content) return unexpected(std::move(content.error()));
  auto id = decode_identity(base::as_bytes(content->bytes));
  if (!id) return unexpected(std::move(id.error()).context(path));
  return id;
}

base::result<recovered> recover(disk& on, const std::string& folder, const identity& of,
                                std::size_t longest_start) {
  return reading(on, folder, of, longest_start).run();
}

} // namespace coppice::durable
