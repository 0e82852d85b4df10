// SPDX-License-Identifier: MIT
// transfer: two sagas. `desk` starts transactions that move money from one account to another. `accounts`
// keeps accounts and takes part in them, in both kinds of transactions: the configuration of the desk decides
// which it is. No account has less than nothing, and the sum of all accounts stays what it is, however a
// transaction ends and whichever process or node dies meanwhile.
//
// handle_do and similar callbacks run at least once for a key. So `accounts` writes what it did for a key
// into its file before it answers, together with what it did: a second call for the key finds it there.
#include <coppice/saga.hpp>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ledger_file.hpp"

namespace transfer {

using coppice::step;
using coppice::steps;
namespace etf = coppice::etf;

// {move, From, To, Amount}: From and To are {Accounts, Account}, where Accounts is NAME or NAME@ALIVE@HOST.
struct place {
  static constexpr etf::form etf_form = etf::form::tuple;
  std::string accounts;
  std::string account;
};
struct move {
  place from;
  place to;
  std::uint64_t amount = 0;
};

// Steps: {take, Account, Amount}, {give, Account, Amount}.
struct take {
  std::string account;
  std::uint64_t amount = 0;
};
struct give {
  std::string account;
  std::uint64_t amount = 0;
};
using change = std::variant<take, give>;

class desk : public coppice::saga {
 public:
  static constexpr std::string_view name = "desk";
  static constexpr auto unhandled = coppice::unhandled::reply_error;

  steps handle_start(const move& what) {
    return {{what.from.accounts, take{what.from.account, what.amount}},
            {what.to.accounts, give{what.to.account, what.amount}}};
  }
};

// A change of accounts, as it is written into the file. The key is that of the step, encoded.
using encoded_key = std::string;
struct did {
  encoded_key key;
  change what;
};
struct undid {
  encoded_key key;
};
struct reserved {
  encoded_key key;
  change what;
};
struct settled {
  encoded_key key;
  bool committed = false;
};
struct everything {
  std::map<std::string, std::uint64_t> accounts;
  std::vector<did> done; // in their order
  std::vector<reserved> prepared;
};
using record = std::variant<everything, did, undid, reserved, settled>;

// The accounts, and what was done to them for which key.
class book {
 public:
  // Steps done at once whose keys are known. Transactions that are not over have to be fewer.
  static constexpr std::size_t most_keys = 100'000;

  bool is_prepared(const encoded_key& key) const { return prepared_.contains(key); }
  bool is_done(const encoded_key& key) const { return done_.contains(key); }
  std::optional<std::uint64_t> balance(const std::string& account) const {
    const auto found = accounts_.find(account);
    if (found == accounts_.end()) return std::nullopt;
    return found->second;
  }
  std::uint64_t sum() const {
    std::uint64_t all = 0;
    for (const auto& [account, has] : accounts_) all += has;
    for (const auto& [key, what] : prepared_)
      if (const auto* const taken = std::get_if<take>(&what)) all += taken->amount;
    return all;
  }
  // Empty: it is possible. Otherwise why it is not.
  std::string_view objection(const change& what) const {
    const auto has = balance(account_of(what));
    if (!has) return "no_account";
    const auto* const taken = std::get_if<take>(&what);
    return taken != nullptr && *has < taken->amount ? "not_enough" : "";
  }
  static const std::string& account_of(const change& what) {
    return std::visit([](const auto& one) -> const std::string& { return one.account; }, what);
  }

  void enter(const record& what) {
    std::visit([this](const auto& one) { enter_one(one); }, what);
  }
  everything all() const {
    everything made{accounts_, {}, {}};
    for (const encoded_key& key : order_)
      if (const auto found = done_.find(key); found != done_.end()) made.done.push_back({key, found->second});
    for (const auto& [key, what] : prepared_) made.prepared.push_back({key, what});
    return made;
  }

 private:
  void enter_one(const everything& of) {
    *this = {};
    accounts_ = of.accounts;
    for (const did& one : of.done) remember(one);
    for (const reserved& one : of.prepared) prepared_[one.key] = one.what;
  }
  void enter_one(const did& one) {
    apply(one.what, 1);
    remember(one);
  }
  void enter_one(const undid& one) {
    const auto found = done_.find(one.key);
    if (found == done_.end()) return;
    apply(found->second, -1);
    done_.erase(found);
  }
  // Money that is taken is put aside; money that is given comes when the transaction commits.
  void enter_one(const reserved& one) {
    if (std::holds_alternative<take>(one.what)) apply(one.what, 1);
    prepared_[one.key] = one.what;
  }
  void enter_one(const settled& one) {
    const auto found = prepared_.find(one.key);
    if (found == prepared_.end()) return;
    const bool taken = std::holds_alternative<take>(found->second);
    if (one.committed != taken) apply(found->second, taken ? -1 : 1);
    prepared_.erase(found);
  }

  void remember(const did& one) {
    done_[one.key] = one.what;
    order_.push_back(one.key);
    if (order_.size() <= most_keys) return;
    done_.erase(order_.front());
    order_.pop_front();
  }
  void apply(const change& what, int sign) {
    const auto* const taken = std::get_if<take>(&what);
    const std::uint64_t amount = taken != nullptr ? taken->amount : std::get<give>(what).amount;
    std::uint64_t& has = accounts_[account_of(what)];
    has += (taken != nullptr) == (sign > 0) ? std::uint64_t{0} - amount : amount;
  }

  std::map<std::string, std::uint64_t> accounts_;
  std::map<encoded_key, change> done_;
  std::deque<encoded_key> order_; // of the keys in done_, and of some that were undone
  std::map<encoded_key, change> prepared_;
};

// Calls of `accounts`.
struct balance {
  std::string account;
};
using sum = etf::constant<"sum">; // what is in all accounts, and what is put aside

struct settings {
  static constexpr etf::form etf_form = etf::form::map;
  std::map<etf::atom, std::uint64_t> open; // keys of a map in the configuration are atoms
  std::string file;
};

class accounts : public coppice::saga {
 public:
  static constexpr std::string_view name = "accounts";
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("open":{"type":"object","additionalProperties":{"type":"integer","minimum":0},"default":{},)"
      R"("description":"the accounts, each with what it has at first"},)"
      R"("file":{"type":"string","default":"",)"
      R"("description":"where they are kept; empty: in memory alone"}}})";
  static constexpr std::uint32_t state_version = 1;
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  using calls = std::variant<balance, sum>;

  void init(const settings& args) {
    file_ = args.file;
    bool known = false; // the file had something
    if (!file_.empty())
      for (const ledger_file::record& one : ledger_file(file_).read()) {
        const auto read = etf::decode<record>({one.data(), one.size()});
        if (!read) throw std::runtime_error(file_ + ": " + read.error().text());
        book_.enter(*read);
        known = true;
      }
    if (!known) {
      everything first;
      for (const auto& [account, has] : args.open) first.accounts.emplace(account.name, has);
      book_.enter(first);
    }
    if (!file_.empty()) ledger_file(file_).begin_with(etf::encode(record(book_.all())));
  }

  // ---- steps that take effect at once ----

  std::uint64_t handle_do(const step& s, const change& what) {
    if (!book_.is_done(key_of(s))) {
      check(what);
      keep(did{key_of(s), what});
    }
    return book_.balance(book::account_of(what)).value_or(0);
  }
  // A step that was never done is not known.
  coppice::next handle_undo(const step& s, const change& what) {
    if (!book_.is_done(key_of(s))) return coppice::done();
    // The amount that was given may have been spent: then the undo waits until it is there again.
    if (const auto* const given = std::get_if<give>(&what))
      if (book_.balance(given->account).value_or(0) < given->amount)
        return coppice::fail(etf::atom{"not_enough"});
    keep(undid{key_of(s)});
    return coppice::done();
  }

  // ---- steps of two phases ----

  void handle_prepare(const step& s, const change& what) {
    if (book_.is_prepared(key_of(s))) return;
    check(what);
    keep(reserved{key_of(s), what});
  }
  void handle_commit(const step& s, coppice::term) {
    if (book_.is_prepared(key_of(s))) keep(settled{key_of(s), true});
  }
  void handle_abort(const step& s) {
    if (book_.is_prepared(key_of(s))) keep(settled{key_of(s), false});
  }

  // ---- questions ----

  // {ok, N}, or the atom none.
  std::variant<std::pair<etf::constant<"ok">, std::uint64_t>, etf::constant<"none">> handle_call(
      const balance& of) {
    const auto has = book_.balance(of.account);
    if (!has) return etf::constant<"none">{};
    return std::pair(etf::constant<"ok">{}, *has);
  }
  std::uint64_t handle_call(const sum&) { return book_.sum(); }

  struct saved {
    everything all;
    std::string file;
  };
  saved save_state() const { return {book_.all(), file_}; }
  void restore_state(const saved& from) {
    book_.enter(from.all);
    file_ = from.file;
  }

 private:
  static encoded_key key_of(const step& s) {
    const etf::bytes key = s.key().encoded;
    return {reinterpret_cast<const char*>(key.data()), key.size()};
  }
  void check(const change& what) const {
    if (const std::string_view why = book_.objection(what); !why.empty())
      throw coppice::step_failed(etf::atom{why});
  }
  // Written here and not by blocking_run(): a write that outlived its actor could come behind the first
  // look of the next one into the file.
  void keep(const record& what) {
    if (!file_.empty()) ledger_file(file_).append(etf::encode(what));
    book_.enter(what);
  }

  book book_;
  std::string file_; // empty: in memory
};

} // namespace transfer

COPPICE_PLUGIN("transfer", "1.0.0", transfer::desk, transfer::accounts);
