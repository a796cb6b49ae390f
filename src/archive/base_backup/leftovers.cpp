// See leftovers.hpp.
#include "archive/base_backup/leftovers.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"

namespace pgkeel::archive {
namespace {

struct Found {
  bool complete = false;
  WallTime youngest;
};

/// "backups/LABEL/..." -> LABEL; empty for anything else.
std::string label_of(std::string_view key) {
  key.remove_prefix(std::string_view(kBackupsPrefix).size());
  const auto label = key.substr(0, key.find('/'));
  return label.size() < key.size() && is_label(label) ? std::string(label) : std::string();
}

}  // namespace

Result<std::vector<std::string>> incomplete_backups(Store& store, Millis age, WallTime now) {
  TRY(objects, store.list(kBackupsPrefix));
  std::map<std::string, Found> labels;
  for (const auto& object : objects) {
    const auto label = label_of(object.key);
    if (label.empty()) continue;
    auto& found = labels[label];
    found.complete |= object.key == backup_key(label);
    found.youngest = std::max(found.youngest, object.modified_at);
  }
  std::vector<std::string> incomplete;
  for (const auto& [label, found] : labels)
    if (!found.complete && now - found.youngest >= age) incomplete.push_back(label);
  return incomplete;
}

Result<void> remove_incomplete_backup(Store& store, std::string_view label) {
  TRY(record, store.stat(backup_key(label)));
  if (record) return fail(ErrorCode::Refused, fmt::format("backup {} is complete", label));
  TRY(objects, store.list(backup_prefix(label)));
  for (const auto& object : objects) TRY_VOID(store.remove(object.key));
  return {};
}

}  // namespace pgkeel::archive
