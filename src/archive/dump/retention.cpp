// See retention.hpp.
#include "archive/dump/retention.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"

namespace pgkeel::archive {
namespace {

struct Judge {
  const std::vector<DumpStanding>& dumps;
  const DumpRetention& retention;
  WallTime now;

  template <class Is>
  [[nodiscard]] int count_after(std::size_t i, Is is) const {
    return static_cast<int>(
        std::count_if(dumps.begin() + static_cast<std::ptrdiff_t>(i) + 1, dumps.end(), is));
  }

  // Why it stays; empty when it may go.
  [[nodiscard]] std::string reason_to_keep(std::size_t i) const {
    const auto& one = dumps[i];
    if (now - one.dump.ended_at < retention.keep)
      return fmt::format("within the last {}", humane_duration(retention.keep));
    if (!one.dump.good()) return {};
    const auto good = [](const DumpStanding& other) { return other.dump.good(); };
    const auto proven = [](const DumpStanding& other) {
      return other.dump.good() && other.standing.proven();
    };
    const int newer_good = count_after(i, good);
    if (newer_good == 0) return "the last good one";
    if (count_after(i, proven) == 0) return "no newer one is proven";
    if (newer_good < retention.keep_count)
      return fmt::format("one of the last {} good ones", retention.keep_count);
    return {};
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
  for (std::size_t i = 0; i < dumps.size(); ++i) {
    auto reason = judge.reason_to_keep(i);
    const bool remove = reason.empty();
    if (remove)
      reason = fmt::format("{}older than {}", dumps[i].dump.good() ? "" : "failed, and ",
                           humane_duration(retention.keep));
    expiry.dumps.push_back(
        {dumps[i].dump.label, remove, std::move(reason), dumps[i].dump.stored_bytes()});
  }
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
