// See dump.hpp. Read as strictly as a backup's record.
#include "archive/catalog/dump.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"
#include "archive/catalog/stored_fields.hpp"

namespace pgkeel::archive {
namespace {

using nlohmann::json;

constexpr std::size_t kRecordBytesMax = 64U << 20U;  // a million tables' row counts
constexpr std::size_t kProofBytesMax = 16U << 20U;

json properties_json(const DatabaseProperties& properties) {
  auto settings = json::array();
  for (const auto& each : properties.settings)
    settings.push_back({{"role", each.role}, {"name", each.name}, {"value", each.value}});
  auto grants = json::array();
  for (const auto& each : properties.grants)
    grants.push_back(
        {{"grantee", each.grantee}, {"privilege", each.privilege}, {"grantable", each.grantable}});
  return {{"owner", properties.owner},
          {"comment", properties.comment},
          {"settings", std::move(settings)},
          {"rights_given", properties.rights_given},
          {"grants", std::move(grants)}};
}

DatabaseProperties read_properties(const json& from) {
  DatabaseProperties properties;
  properties.owner = fields::text(from, "owner");
  properties.comment = fields::text(from, "comment");
  properties.rights_given = fields::flag(from, "rights_given");
  for (const auto& each : from.at("settings"))
    properties.settings.push_back(
        {fields::text(each, "role"), fields::text(each, "name"), fields::text(each, "value")});
  for (const auto& each : from.at("grants"))
    properties.grants.push_back({fields::text(each, "grantee"), fields::text(each, "privilege"),
                                 fields::flag(each, "grantable")});
  return properties;
}

json database_json(const DumpedDatabase& database) {
  return {{"name", database.name},
          {"encoding", database.locale.encoding},
          {"lc_collate", database.locale.collate},
          {"lc_ctype", database.locale.ctype},
          {"locale_provider", database.locale.provider},
          {"locale", database.locale.locale},
          {"properties", properties_json(database.properties)},
          {"object", fields::object_json(database.object)},
          {"entries", database.entries},
          {"rows", database.rows},
          {"failure", database.failure}};
}

DumpedDatabase read_database(const json& from) {
  DumpedDatabase database;
  database.name = fields::text(from, "name");
  database.locale = {fields::text(from, "encoding"), fields::text(from, "lc_collate"),
                     fields::text(from, "lc_ctype"), fields::text(from, "locale_provider"),
                     fields::text(from, "locale")};
  database.properties = read_properties(from.at("properties"));
  database.object = fields::stored_object(from.at("object"));
  database.entries = fields::number<std::uint64_t>(from, "entries");
  for (const auto& [table, count] : from.at("rows").items())
    database.rows[table] = fields::number<std::int64_t>(from.at("rows"), table.c_str());
  database.failure = fields::text(from, "failure");
  return database;
}

Dump read_dump(const json& from) {
  Dump dump;
  dump.label = fields::text(from, "label");
  dump.system_id = fields::system_id(from, "system_identifier");
  dump.server_version_num = fields::number<int>(from, "server_version_num");
  dump.client = fields::text(from, "client");
  dump.client_major = fields::number<int>(from, "client_major");
  dump.started_at = fields::time(from, "started_at");
  dump.ended_at = fields::time(from, "ended_at");
  for (const auto& database : from.at("databases"))
    dump.databases.push_back(read_database(database));
  dump.globals = fields::stored_object(from.at("globals"));
  dump.globals_failure = fields::text(from, "globals_failure");
  dump.doubt = fields::text(from, "doubt");
  dump.made_by = fields::text(from, "made_by");
  return dump;
}

Result<Dump> load(Store& store, const std::string& key) {
  TRY(text, read_object(store, key, kRecordBytesMax));
  auto dump = parse_dump(text);
  if (!dump) return fail(std::move(dump).error().with_context("read " + key));
  if (dump_record_key(dump->label) != key)
    return fail(ErrorCode::Malformed, fmt::format("{} is the record of {}", key, dump->label));
  return dump;
}

std::string proof_prefix(std::string_view label) { return dump_prefix(label) + "proof-"; }

}  // namespace

std::string dump_prefix(std::string_view label) {
  return fmt::format("{}{}/", kDumpsPrefix, label);
}
std::string dump_record_key(std::string_view label) { return dump_prefix(label) + "dump.json"; }
std::string dump_key(std::string_view label, std::size_t number) {
  return fmt::format("{}{:05}.dump", dump_prefix(label), number);
}
std::string globals_key(std::string_view label) { return dump_prefix(label) + "globals.sql"; }

std::int64_t DumpedDatabase::rows_total() const {
  // Counts of a foreign hand may be anything: no overflow.
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::int64_t sum = 0;
  for (const auto& [table, count] : rows) sum = count > kMost - sum ? kMost : sum + count;
  return sum;
}

bool Dump::complete() const {
  return !databases.empty() && !globals.key.empty() &&
         std::ranges::all_of(databases, &DumpedDatabase::stored);
}

std::string Dump::failure() const {
  for (const auto& database : databases)
    if (!database.failure.empty())
      return fmt::format("database {}: {}", database.name, database.failure);
  return globals_failure.empty() ? doubt : "roles and tablespaces: " + globals_failure;
}

std::uint64_t Dump::plain_bytes() const {
  return std::accumulate(databases.begin(), databases.end(), globals.plain_bytes,
                         [](auto sum, const auto& one) { return sum + one.object.plain_bytes; });
}

std::uint64_t Dump::stored_bytes() const {
  return std::accumulate(databases.begin(), databases.end(), globals.stored_bytes,
                         [](auto sum, const auto& one) { return sum + one.object.stored_bytes; });
}

std::int64_t Dump::rows_total() const {
  return std::accumulate(databases.begin(), databases.end(), std::int64_t{0},
                         [](auto sum, const auto& one) { return sum + one.rows_total(); });
}

const DumpedDatabase* Dump::find(std::string_view database) const {
  const auto found = std::ranges::find(databases, database, &DumpedDatabase::name);
  return found == databases.end() ? nullptr : &*found;
}

std::string to_json(const Dump& dump) {
  json databases = json::array();
  for (const auto& database : dump.databases) databases.push_back(database_json(database));
  const json record{{"format", kFormat},
                    {"label", dump.label},
                    {"kind", "logical"},
                    {"system_identifier", to_string(dump.system_id)},
                    {"server_version_num", dump.server_version_num},
                    {"client", dump.client},
                    {"client_major", dump.client_major},
                    {"started_at", to_iso8601(dump.started_at)},
                    {"ended_at", to_iso8601(dump.ended_at)},
                    {"databases", std::move(databases)},
                    {"globals", fields::object_json(dump.globals)},
                    {"globals_failure", dump.globals_failure},
                    {"doubt", dump.doubt},
                    {"made_by", dump.made_by}};
  return record.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Dump> parse_dump(std::string_view text) {
  const auto record = json::parse(text, nullptr, false);
  if (record.is_discarded() || !record.is_object())
    return fail(ErrorCode::Malformed, "no dump record: not a JSON object");
  try {
    const int format = fields::number<int>(record, "format");
    if (format > kFormat)
      return fail(
          Error(ErrorCode::Unsupported,
                fmt::format("the dump is of format {}, this pgkeel reads {}", format, kFormat))
              .with_hint("Use the newer pgkeel that wrote it."));
    return read_dump(record);
  } catch (const std::exception& problem) {
    return fail(ErrorCode::Malformed, fmt::format("damaged dump record: {}", problem.what()));
  }
}

Result<std::vector<Dump>> list_dumps(Store& store) {
  TRY(objects, store.list(kDumpsPrefix));
  std::vector<Dump> dumps;
  for (const auto& object : objects) {
    if (!object.key.ends_with("/dump.json")) continue;
    TRY(dump, load(store, object.key));
    dumps.push_back(std::move(dump));
  }
  return dumps;
}

Result<Dump> find_dump(Store& store, std::string_view label) {
  if (is_label(label)) {
    TRY(there, store.stat(dump_record_key(label)));
    if (there) return load(store, there->key);
  }
  TRY(dumps, list_dumps(store));
  std::string known;
  for (const auto& dump : dumps) known += (known.empty() ? "" : ", ") + dump.label;
  return fail(ErrorCode::NotFound,
              fmt::format("there is no dump {} in {}; there {}", label, store.describe(),
                          known.empty() ? "is none at all" : "are " + known));
}

Result<std::vector<DumpStanding>> list_dump_standings(Store& store) {
  TRY(dumps, list_dumps(store));
  std::vector<DumpStanding> list;
  for (auto& dump : dumps) {
    DumpStanding one;
    TRY(objects, store.list(proof_prefix(dump.label)));
    for (const auto& object : objects) {
      TRY(text, read_object(store, object.key, kProofBytesMax));
      if (auto proof = parse_proof(text)) one.standing.proofs.push_back(*std::move(proof));
    }
    one.dump = std::move(dump);
    list.push_back(std::move(one));
  }
  return list;
}

Result<void> write_dump_proof(Store& store, std::string_view label, const Proof& proof) {
  const auto key =
      fmt::format("{}{}-{}.json", proof_prefix(label), time_label(proof.at), to_string(proof.kind));
  return write_object(store, key, to_json(proof), Replace::Always);
}

}  // namespace pgkeel::archive
