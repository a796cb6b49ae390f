// See settings.hpp.
#include "gateway/session/settings.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace pgkeel::gateway {
namespace {

// Of the transaction, of the random numbers, or who the session belongs to: none of them can be
// carried to another server, and a client that sets one of the last keeps its own.
constexpr std::string_view kNeverKept[] = {
    "is_superuser",          "seed",
    "session_authorization", "transaction_deferrable",
    "transaction_isolation", "transaction_read_only",
};
constexpr std::string_view kRole = "role";
constexpr std::string_view kNoRole = "none";

bool is_kept(const Setting& setting) {
  return std::ranges::find(kNeverKept, setting.name) == std::end(kNeverKept);
}

// ASCII: what goes to a server in any encoding. Blanks and quotes are in no name of PostgreSQL's.
bool is_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f; });
}

std::string folded(std::string_view name) {
  std::string lower(name);
  for (auto& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

Result<void> check(const std::vector<Setting>& settings) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : settings) {
    if (!is_name(name)) return fail(ErrorCode::Malformed, "a setting has no name of ASCII");
    if (value.contains('\0'))
      return fail(ErrorCode::Malformed, "the setting " + name + " holds a zero byte");
    if (name.size() > kSettingNameBytesMost || value.size() > kSettingValueBytesMost)
      return fail(ErrorCode::NotSupported, "the setting " + name.substr(0, kSettingNameBytesMost) +
                                               " is too long to be kept for a session");
    bytes += name.size() + value.size();
  }
  if (settings.size() <= kKeptSettingsMost && bytes <= kSettingsBytesMost) return {};
  return fail(ErrorCode::NotSupported, "a session has more settings than can be kept for it");
}

std::size_t hash_of(const std::vector<Setting>& sorted) {
  constexpr std::size_t kSpread = 0x9e3779b97f4a7c15ULL;
  std::size_t hash = 0;
  const auto add = [&](const std::string& text) {
    hash = (hash ^ std::hash<std::string>{}(text)) * kSpread;
  };
  for (const auto& [name, value] : sorted) add(name), add(value);
  return hash;
}

// The last of a name is left. They are few: see the limits.
std::vector<Setting> sorted_by_name(std::vector<Setting> settings) {
  std::vector<Setting> sorted;
  for (auto& setting : settings) {
    const auto at = std::ranges::lower_bound(sorted, setting.name, {}, &Setting::name);
    if (at != sorted.end() && at->name == setting.name) at->value = std::move(setting.value);
    else sorted.insert(at, std::move(setting));
  }
  return sorted;
}

}  // namespace

struct SettingsSet::Entry {
  SettingsTable* table;
  std::size_t hash;
  std::vector<Setting> items;
  std::size_t users = 0;
};

SettingsSet::SettingsSet(Entry& entry) : entry_(&entry) { ++entry_->users; }

SettingsSet::SettingsSet(const SettingsSet& other) : entry_(other.entry_) {
  if (entry_ != nullptr) ++entry_->users;
}

SettingsSet::~SettingsSet() {
  if (entry_ != nullptr && --entry_->users == 0) entry_->table->remove(*entry_);
}

std::span<const Setting> SettingsSet::items() const {
  return entry_ != nullptr ? std::span<const Setting>(entry_->items) : std::span<const Setting>();
}

const std::string* SettingsSet::find(std::string_view name) const {
  const auto all = items();
  const auto found = std::ranges::lower_bound(all, name, {}, &Setting::name);
  return found != all.end() && found->name == name ? &found->value : nullptr;
}

SettingsTable::SettingsTable() = default;

SettingsTable::~SettingsTable() { CHECK(entries_.empty()); }

Result<SettingsSet> SettingsTable::intern(std::vector<Setting> settings) {
  for (auto& setting : settings) setting.name = folded(setting.name);
  std::erase_if(settings, [](const Setting& setting) { return !is_kept(setting); });
  auto sorted = sorted_by_name(std::move(settings));
  TRY_VOID(check(sorted));
  return find_or_add(std::move(sorted));
}

Result<SettingsSet> SettingsTable::observed(std::span<const ObservedSetting> rows) {
  std::vector<Setting> settings;
  for (const auto& [name, value] : rows)
    if (value && !(name == kRole && *value == kNoRole))
      settings.push_back({std::string(name), std::string(*value)});
  return intern(std::move(settings));
}

Result<SettingsSet> SettingsTable::with(const SettingsSet& set, std::string_view name,
                                        std::string_view value) {
  std::vector<Setting> settings(set.items().begin(), set.items().end());
  settings.push_back({std::string(name), std::string(value)});
  return intern(std::move(settings));
}

SettingsSet SettingsTable::without(const SettingsSet& set, std::string_view name) {
  const auto lower = folded(name);
  if (set.find(lower) == nullptr) return set;
  std::vector<Setting> settings(set.items().begin(), set.items().end());
  std::erase_if(settings, [&](const Setting& setting) { return setting.name == lower; });
  return find_or_add(std::move(settings));
}

Result<SettingsSet> SettingsTable::merge(const SettingsSet& base, const SettingsSet& overrides) {
  if (base.empty() || base == overrides) return overrides;
  if (overrides.empty()) return base;
  std::vector<Setting> settings(base.items().begin(), base.items().end());
  settings.insert(settings.end(), overrides.items().begin(), overrides.items().end());
  return intern(std::move(settings));
}

SettingsSet SettingsTable::find_or_add(std::vector<Setting> sorted) {
  if (sorted.empty()) return {};
  const auto hash = hash_of(sorted);
  const auto [first, last] = entries_.equal_range(hash);
  for (auto at = first; at != last; ++at)
    if (at->second->items == sorted) return SettingsSet(*at->second);
  auto entry = std::make_unique<SettingsSet::Entry>(this, hash, std::move(sorted));
  return SettingsSet(*entries_.emplace(hash, std::move(entry))->second);
}

void SettingsTable::remove(SettingsSet::Entry& entry) {
  const auto [first, last] = entries_.equal_range(entry.hash);
  for (auto at = first; at != last; ++at)
    if (at->second.get() == &entry) return static_cast<void>(entries_.erase(at));
  CHECK(false);
}

}  // namespace pgkeel::gateway
