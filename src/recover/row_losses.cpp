// See row_losses.hpp. Two facts of the ledger, as JSON: a table's name may hold anything.
#include "recover/row_losses.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace pgkeel::recover {
namespace {

using diagnose::Known;
using diagnose::LostRows;
using Json = nlohmann::ordered_json;

constexpr std::string_view kLostFact = "lost_rows";
constexpr std::string_view kMeantFact = "may_lose_rows";
// Statistics come late: what they say within this time of a loss may be of before it.
constexpr Seconds kStatisticsLate{15};
// So many of the rows are "the rows are back".
constexpr std::int64_t kBackTenths = 9;
constexpr std::size_t kMeantMax = 10'000;

Json to_json(const std::string& subject, const LostRows& lost) {
  return {{"subject", subject},
          {"database", lost.database},
          {"oid", lost.oid.value},
          {"truncated", lost.truncated},
          {"since", to_iso8601(lost.since)},
          {"at", to_iso8601(lost.at)},
          {"lsn", lost.lsn.value},
          {"counted_lsn", lost.counted_lsn.value},
          {"rows_before", lost.rows_before},
          {"rows_after", lost.rows_after}};
}

Result<void> read_lost(const Json& json, Known& known) {
  LostRows lost;
  const auto subject = json.at("subject").get<std::string>();
  // Guards before this one did not note it.
  lost.database = json.value("database", subject.substr(0, subject.find('.')));
  lost.oid = Oid{json.at("oid").get<std::uint32_t>()};
  lost.truncated = json.at("truncated").get<bool>();
  TRY(since, parse_iso8601(json.at("since").get<std::string>()));
  TRY(at, parse_iso8601(json.at("at").get<std::string>()));
  lost.since = since;
  lost.at = at;
  lost.lsn = Lsn(json.at("lsn").get<std::uint64_t>());
  lost.counted_lsn = Lsn(json.value("counted_lsn", lost.lsn.value));
  lost.rows_before = json.at("rows_before").get<std::int64_t>();
  lost.rows_after = json.at("rows_after").get<std::int64_t>();
  known.lost_rows[subject] = lost;
  return {};
}

Result<void> read_facts(const std::string& lost, const std::string& meant, Known& known) {
  try {
    for (const auto& row : Json::parse(lost.empty() ? "[]" : lost)) TRY_VOID(read_lost(row, known));
    for (const auto& row : Json::parse(meant.empty() ? "[]" : meant))
      known.may_lose_rows.insert(row.get<std::string>());
    return {};
  } catch (const nlohmann::json::exception& problem) {
    return fail(ErrorCode::Malformed,
                std::string("what the ledger knows of lost rows: ") + problem.what());
  }
}

const sense::Relation* relation_of(const sense::RelationListing& listing, Oid oid) {
  const auto found = std::ranges::find(listing.relations, oid, &sense::Relation::oid);
  return found == listing.relations.end() ? nullptr : &*found;
}

bool database_gone(const sense::CatalogFacts& catalog, const std::string& name) {
  return catalog.seen && std::ranges::find(catalog.databases, name, &sense::Database::name) ==
                             catalog.databases.end();
}

bool are_back(const LostRows& lost, std::int64_t rows_there) {
  return rows_there * 10 >= lost.rows_before * kBackTenths;
}

// A table that is filled again after an hour has lost its rows all the same; one that has nine
// tenths of them is loaded anew, or was given them back. One that is gone is another cause's.
bool is_over(const LostRows& lost, const sense::RelationListing& listing, WallTime counted) {
  const auto* relation = relation_of(listing, lost.oid);
  if (relation == nullptr) return !listing.truncated && listing.at != SteadyTime{};
  if (counted < lost.at + kStatisticsLate) return false;
  return are_back(lost, relation->live_rows);
}

// What was lost a moment earlier, in the same go or in another, is one loss.
LostRows together(const LostRows& earlier, LostRows lost) {
  if (earlier.rows_before <= lost.rows_before) return lost;
  lost.since = earlier.since;
  lost.lsn = earlier.lsn;
  lost.counted_lsn = earlier.counted_lsn;
  lost.rows_before = earlier.rows_before;
  lost.truncated = lost.truncated || earlier.truncated;
  return lost;
}

WallTime wall_of(SteadyTime at, SteadyTime now, WallTime wall) {
  return wall - std::chrono::duration_cast<WallTime::duration>(now - at);
}

LostRows lost_rows_from(const std::string& database, const sense::RowLoss& loss, SteadyTime now,
                        WallTime wall) {
  return {database,
          loss.oid,
          loss.kind == sense::RowLossKind::Truncated,
          wall_of(loss.since, now, wall),
          wall_of(loss.at, now, wall),
          loss.lsn,
          loss.counted_lsn,
          loss.rows_before,
          loss.rows_after};
}

const sense::RelationListing* listing_of(const sense::Observation& seen,
                                         const std::string& database) {
  const auto found = seen.catalog.listings.find(database);
  return found == seen.catalog.listings.end() ? nullptr : &found->second;
}

void make_room(Known& known) {
  if (known.lost_rows.size() < kLostRowsKept) return;
  known.lost_rows.erase(
      std::ranges::min_element(known.lost_rows, {}, [](const auto& row) { return row.second.at; }));
}

}  // namespace

Result<void> load_row_losses(const incident::Ledger& ledger, Known& known) {
  TRY(lost, ledger.fact(kLostFact));
  TRY(meant, ledger.fact(kMeantFact));
  known.lost_rows.clear();
  known.may_lose_rows.clear();
  return read_facts(lost, meant, known);
}

bool RowLossBook::take_over(const std::string& database, const sense::RelationListing& listing,
                            SteadyTime now, WallTime wall, Known& known) {
  bool changed = false;
  for (const auto& [oid, loss] : listing.row_losses) {
    auto& taken = taken_[{database, oid}];
    const auto* relation = relation_of(listing, loss.oid);
    if (taken == loss.at || relation == nullptr) continue;
    taken = loss.at;
    const auto subject = database + "." + relation->qualified();
    if (known.may_lose_rows.contains(subject)) continue;
    auto lost = lost_rows_from(database, loss, now, wall);
    const auto earlier = known.lost_rows.find(subject);
    if (earlier != known.lost_rows.end()) lost = together(earlier->second, lost);
    else make_room(known);
    known.lost_rows[subject] = lost;
    changed = true;
  }
  return changed;
}

bool RowLossBook::follow(const sense::Observation& seen, SteadyTime now, WallTime wall,
                         Known& known) {
  std::erase_if(taken_, [&](const auto& row) {
    const auto* listing = listing_of(seen, row.first.first);
    return listing == nullptr || !listing->row_losses.contains(row.first.second);
  });
  bool changed = false;
  for (const auto& [database, listing] : seen.catalog.listings)
    changed = take_over(database, listing, now, wall, known) || changed;
  const auto over = std::erase_if(known.lost_rows, [&](const auto& row) {
    if (database_gone(seen.catalog, row.second.database)) return true;
    const auto* listing = listing_of(seen, row.second.database);
    return listing != nullptr &&
           is_over(row.second, *listing, wall_of(listing->counted_at, now, wall));
  });
  return changed || over > 0;
}

Result<void> keep_row_losses(incident::Ledger& ledger, const Known& known) {
  auto lost = Json::array();
  for (const auto& [subject, row] : known.lost_rows) lost.push_back(to_json(subject, row));
  return ledger.set_fact(kLostFact,
                         lost.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

Result<void> end_row_loss(incident::Ledger& ledger, const std::string& subject,
                          std::int64_t rows_there, Known& known) {
  const auto found = known.lost_rows.find(subject);
  if (found == known.lost_rows.end() || !are_back(found->second, rows_there)) return {};
  known.lost_rows.erase(found);
  return keep_row_losses(ledger, known);
}

Result<bool> accept_row_loss(incident::Ledger& ledger, const std::string& subject,
                             std::string_view who, Known& known) {
  if (!known.lost_rows.contains(subject)) return false;
  auto meant = Json::array();
  if (known.may_lose_rows.size() < kMeantMax) known.may_lose_rows.insert(subject);
  for (const auto& name : known.may_lose_rows) meant.push_back(name);
  known.lost_rows.erase(subject);
  TRY_VOID(ledger.set_fact(kMeantFact,
                           meant.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  TRY_VOID(keep_row_losses(ledger, known));
  TRY_VOID(ledger.note_decision(who, "accept_row_loss", subject));
  return true;
}

}  // namespace pgkeel::recover
