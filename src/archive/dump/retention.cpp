// See retention.hpp.
#include "archive/dump/retention.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"

namespace pgkeel::archive {
namespace {

// Runs in which a database failed are tried again within hours: a week of them would be many.
constexpr int kIncompleteKept = 3;

bool good(const DumpStanding& one) { return one.dump.good(); }
bool proven(const DumpStanding& one) { return good(one) && one.standing.proven(); }
bool incomplete(const DumpStanding& one) { return !one.dump.complete(); }
bool intact(const DumpedDatabase* database) {
  return database != nullptr && database->stored() && database->failure.empty();
}

struct Judge {
  const std::vector<DumpStanding>& dumps;
  const DumpRetention& retention;
  WallTime now;

  template <class Is>
  [[nodiscard]] int count_after(std::size_t i, Is is) const {
    return static_cast<int>(
        std::count_if(dumps.begin() + static_cast<std::ptrdiff_t>(i) + 1, dumps.end(), is));
  }

  // A database of which no younger run has a copy; empty when there is none.
  [[nodiscard]] std::string newest_copy_in(std::size_t i) const {
    for (const auto& database : dumps[i].dump.databases) {
      const auto has_it = [&](const DumpStanding& other) {
        return intact(other.dump.find(database.name));
      };
      if (intact(&database) && count_after(i, has_it) == 0) return database.name;
    }
    return {};
  }

  [[nodiscard]] DumpExpiry::Decision keep(std::size_t i, std::string why) const {
    return {dumps[i].dump.label, false, std::move(why), dumps[i].dump.stored_bytes()};
  }
  [[nodiscard]] DumpExpiry::Decision remove(std::size_t i, std::string why) const {
    return {dumps[i].dump.label, true, std::move(why), dumps[i].dump.stored_bytes()};
  }

  [[nodiscard]] DumpExpiry::Decision decide(std::size_t i) const {
    return good(dumps[i]) ? decide_good(i) : decide_failed(i);
  }

  [[nodiscard]] bool young(std::size_t i) const {
    return now - dumps[i].dump.ended_at < retention.keep;
  }
  [[nodiscard]] std::string keep_text() const { return humane_duration(retention.keep); }

  [[nodiscard]] DumpExpiry::Decision decide_failed(std::size_t i) const {
    const auto only_here = newest_copy_in(i);
    if (!only_here.empty() && count_after(i, good) == 0)
      return keep(i, "the newest copy of database " + only_here);
    if (young(i) && incomplete(dumps[i]) && count_after(i, incomplete) >= kIncompleteKept)
      return remove(i, "failed, and so did later ones");
    if (young(i)) return keep(i, "within the last " + keep_text());
    return remove(i, "failed, and older than " + keep_text());
  }

  [[nodiscard]] DumpExpiry::Decision decide_good(std::size_t i) const {
    if (young(i)) return keep(i, "within the last " + keep_text());
    const int newer_good = count_after(i, good);
    if (newer_good == 0) return keep(i, "the last good one");
    if (count_after(i, proven) == 0) return keep(i, "no newer one is proven");
    if (newer_good < retention.keep_count)
      return keep(i, fmt::format("one of the last {} good ones", retention.keep_count));
    return remove(i, "older than " + keep_text());
  }
};

std::string label_of(std::string_view key) {
  key.remove_prefix(std::string_view(kDumpsPrefix).size());
  const auto label = key.substr(0, key.find('/'));
  return label.size() < key.size() && is_label(label) ? std::string(label) : std::string();
}

Result<void> remove_all(Store& store, const std::string& label) {
  TRY_VOID(store.remove(dump_record_key(label)));
  TRY(objects, store.list(dump_prefix(label)));
  for (const auto& object : objects) TRY_VOID(store.remove(object.key));
  return {};
}

}  // namespace

std::uint64_t DumpExpiry::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& decision : dumps)
    if (decision.remove) sum += decision.bytes;
  return sum;
}

DumpExpiry plan_dump_expiry(const std::vector<DumpStanding>& dumps, const DumpRetention& retention,
                            WallTime now) {
  const Judge judge{dumps, retention, now};
  DumpExpiry expiry;
  for (std::size_t i = 0; i < dumps.size(); ++i) expiry.dumps.push_back(judge.decide(i));
  return expiry;
}

Result<std::vector<std::string>> incomplete_dumps(Store& store, Millis age, WallTime now) {
  struct Found {
    bool recorded = false;
    WallTime youngest;
  };
  TRY(objects, store.list(kDumpsPrefix));
  std::map<std::string, Found> labels;
  for (const auto& object : objects) {
    const auto label = label_of(object.key);
    if (label.empty()) continue;
    auto& found = labels[label];
    found.recorded |= object.key == dump_record_key(label);
    found.youngest = std::max(found.youngest, object.modified_at);
  }
  std::vector<std::string> incomplete;
  for (const auto& [label, found] : labels)
    if (!found.recorded && now - found.youngest >= age) incomplete.push_back(label);
  return incomplete;
}

Result<void> carry_out(Store& store, const DumpExpiry& expiry,
                       const std::function<void(const std::string&)>& step) {
  for (const auto& decision : expiry.dumps) {
    if (!decision.remove) continue;
    if (step) step("dump " + decision.label);
    TRY_VOID(remove_all(store, decision.label));
  }
  for (const auto& label : expiry.incomplete) {
    if (step) step("unfinished dump " + label);
    TRY_VOID(remove_all(store, label));
  }
  return {};
}

}  // namespace pgkeel::archive
