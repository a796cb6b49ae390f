// The settings of sessions, each set of them kept once: a client that says nothing costs a pointer,
// and two sessions agree if their pointers do. For one worker: nothing here is locked.
// It guarantees: names in lower case, sorted, each once; a set is freed with its last user;
// bounded. It refuses what no session can be given back: see kNeverKept in settings.cpp.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "pg/wire/options.hpp"

namespace pgkeel::gateway {

using Setting = pg::wire::Setting;

// Limits of one set. Applications set a handful, the largest a search_path; a client that wants
// more than these keeps its server instead.
inline constexpr std::size_t kKeptSettingsMost = 64;
inline constexpr std::size_t kSettingNameBytesMost = 128;  // two names of the server's and a dot
inline constexpr std::size_t kSettingValueBytesMost = 4096;
inline constexpr std::size_t kSettingsBytesMost = 16 * 1024;

class SettingsTable;

/// A set of settings: a pointer into a SettingsTable, which must outlive it. Null is the empty set.
class SettingsSet {
 public:
  SettingsSet() = default;
  SettingsSet(const SettingsSet& other);
  SettingsSet(SettingsSet&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
  SettingsSet& operator=(SettingsSet other) noexcept {
    std::swap(entry_, other.entry_);
    return *this;
  }
  ~SettingsSet();

  /// Sorted by name. Valid as long as a user of this set is there.
  [[nodiscard]] std::span<const Setting> items() const;
  /// `name` in lower case; null when it is not in it.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  [[nodiscard]] bool empty() const { return entry_ == nullptr; }
  friend bool operator==(const SettingsSet& a, const SettingsSet& b) = default;

 private:
  friend class SettingsTable;
  struct Entry;
  explicit SettingsSet(Entry& entry);

  Entry* entry_ = nullptr;
};

/// As a server tells of one: see settings_query(). Nothing where it has no such setting.
struct ObservedSetting {
  std::string_view name;
  std::optional<std::string_view> value;
};

class SettingsTable {
 public:
  SettingsTable();
  ~SettingsTable();
  SettingsTable(const SettingsTable&) = delete;
  SettingsTable& operator=(const SettingsTable&) = delete;

  /// The set of these, in any order and case; the last of a name counts, and what is never kept is
  /// left out. Malformed: a name that is none, a zero byte. NotSupported: beyond the limits.
  [[nodiscard]] Result<SettingsSet> intern(std::vector<Setting> settings);
  /// The same of a server's answer. A role of 'none' is no setting.
  [[nodiscard]] Result<SettingsSet> observed(std::span<const ObservedSetting> rows);
  /// Fails as intern() does.
  [[nodiscard]] Result<SettingsSet> with(const SettingsSet& set, std::string_view name,
                                         std::string_view value);
  [[nodiscard]] SettingsSet without(const SettingsSet& set, std::string_view name);
  /// `base`, and over it `overrides`: of a client's start-up settings and what its session has now,
  /// what its session has to have. Fails as intern() does.
  [[nodiscard]] Result<SettingsSet> merge(const SettingsSet& base, const SettingsSet& overrides);

  /// How many sets there are: for SHOW, and to see that they are freed.
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  friend class SettingsSet;
  [[nodiscard]] SettingsSet find_or_add(std::vector<Setting> sorted);
  void remove(SettingsSet::Entry& entry);

  std::unordered_multimap<std::size_t, std::unique_ptr<SettingsSet::Entry>> entries_;
};

}  // namespace pgkeel::gateway
