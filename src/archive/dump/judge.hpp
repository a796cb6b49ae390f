// Whether a dump is what it should be: pure judgements over what pg_restore lists and over the dump
// before it. A dump that ends well and holds nothing is the failure this is here for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "archive/catalog/dump.hpp"

namespace pgkeel::archive {

/// Fewer rows, or bytes, than this share of the last good dump's have to be explained by somebody.
inline constexpr double kShrunkenShare = 0.5;
/// Below these a database is too small for its shrinking to mean anything.
inline constexpr std::int64_t kRowsThatCount = 100;
inline constexpr std::uint64_t kBytesThatCount = 1U << 20U;

/// What `pg_restore --list` says: how many entries, and which of the tables known has none.
struct ListVerdict {
  std::uint64_t entries = 0;
  std::optional<std::string> missing;  ///< "public.orders"
};
/// Tables by "schema.table", with their oids, by which the list knows them for certain.
using TableOids = std::map<std::string, std::string>;
[[nodiscard]] ListVerdict judge_list(std::string_view list, const TableOids& tables);

/// Why `now` is too small beside `before`; nullopt when it is not.
[[nodiscard]] std::optional<std::string> shrinkage(const DumpedDatabase& now,
                                                   const DumpedDatabase& before);

/// Which database of weight `before` has and `now` lacks; nullopt when there is none.
[[nodiscard]] std::optional<std::string> vanished(const Dump& now, const Dump& before);

/// The newest dump of that database with nothing wrong; nullptr when there is none.
[[nodiscard]] const DumpedDatabase* last_good(const std::vector<Dump>& dumps,
                                              std::string_view database);

}  // namespace pgkeel::archive
