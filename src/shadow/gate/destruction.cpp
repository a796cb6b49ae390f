// See destruction.hpp.
#include "shadow/gate/destruction.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace pgkeel::shadow {
namespace {

constexpr auto kLosses = std::to_array<std::pair<Loss, std::string_view>>({
    {Loss::Dropped, "dropped"},
    {Loss::Truncated, "truncated"},
    {Loss::Deleted, "deleted"},
    {Loss::Updated, "updated"},
});

}  // namespace

std::string_view to_string(Loss loss) {
  return std::ranges::find(kLosses, loss, &decltype(kLosses)::value_type::first)->second;
}

std::optional<Loss> parse_loss(std::string_view name) {
  const auto* const found =
      std::ranges::find(kLosses, name, &decltype(kLosses)::value_type::second);
  return found == kLosses.end() ? std::nullopt : std::optional(found->first);
}

std::string Destruction::describe() const {
  if (whole) return database + " dropped";
  if (relations.empty()) return database;
  const auto& first = relations.front();
  auto text = fmt::format("{}.{}.{} {}", database, first.schema, first.name, to_string(first.loss));
  if (relations.size() > 1) text += fmt::format(" and {} more", relations.size() - 1);
  return text;
}

bool Destruction::all_back() const {
  return !whole && std::ranges::all_of(relations, &LostRelation::back);
}

const LostRelation* Destruction::find(std::string_view schema, std::string_view name) const {
  const auto found = std::ranges::find_if(relations, [&](const LostRelation& relation) {
    return relation.schema == schema && relation.name == name;
  });
  return found == relations.end() ? nullptr : &*found;
}

}  // namespace pgkeel::shadow
