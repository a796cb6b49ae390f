// What the archive knows of one run of logical dumps: dumps/LABEL/dump.json, written last and never
// changed. A run has every database of the server; each is good or says why it is not. What a drill
// proved stands beside it (Proof).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "archive/catalog/proof.hpp"
#include "archive/codec/encoded.hpp"

namespace pgkeel::archive {

/// By "schema.table", as the dump's own snapshot had them.
using RowCounts = std::map<std::string, std::int64_t>;

/// What CREATE DATABASE needs to make its like.
struct DatabaseLocale {
  std::string encoding;  ///< "UTF8"
  std::string collate;
  std::string ctype;
  std::string provider;  ///< "c", "i" (ICU) or "b" (built in), as pg_database has it
  std::string locale;    ///< of the provider; empty for "c"
  [[nodiscard]] const std::string& described() const { return locale.empty() ? collate : locale; }
};

struct DatabaseSetting {
  std::string role;  ///< empty: everybody's
  std::string name;
  std::string value;  ///< as the server keeps it
};
struct DatabaseGrant {
  std::string grantee;  ///< empty: public
  std::string privilege;
  bool grantable = false;
};
/// What ALTER DATABASE and GRANT have made of it.
struct DatabaseProperties {
  std::string owner;
  std::string comment;
  std::vector<DatabaseSetting> settings;
  bool rights_given = false;  ///< otherwise those every new database has
  std::vector<DatabaseGrant> grants;
};

struct DumpedDatabase {
  std::string name;
  DatabaseLocale locale;
  DatabaseProperties properties;
  StoredObject object;        ///< an empty key: nothing is stored
  std::uint64_t entries = 0;  ///< that pg_restore lists
  RowCounts rows;
  std::string failure;  ///< empty: good
  [[nodiscard]] bool stored() const { return !object.key.empty(); }
  [[nodiscard]] std::int64_t rows_total() const;
};

struct Dump {
  std::string label;
  SystemId system_id;
  int server_version_num = 0;  ///< 150020
  std::string client;          ///< "pg_dump (PostgreSQL) 15.14"
  int client_major = 0;        ///< what reads it has to be as new
  WallTime started_at;
  WallTime ended_at;
  std::vector<DumpedDatabase> databases;
  StoredObject globals;  ///< roles and tablespaces; an empty key: none
  std::string globals_failure;
  std::string doubt;  ///< why the whole is not believed; empty: it is
  std::string made_by;

  /// Every database and the globals are there; they may still be doubted.
  [[nodiscard]] bool complete() const;
  /// Complete, and nothing is wrong with it.
  [[nodiscard]] bool good() const { return complete() && failure().empty(); }
  /// The first thing that is wrong, with the database's name.
  [[nodiscard]] std::string failure() const;
  [[nodiscard]] std::uint64_t plain_bytes() const;
  [[nodiscard]] std::uint64_t stored_bytes() const;
  [[nodiscard]] std::int64_t rows_total() const;
  /// nullptr when there is none of that name.
  [[nodiscard]] const DumpedDatabase* find(std::string_view database) const;
};

[[nodiscard]] std::string dump_prefix(std::string_view label);
[[nodiscard]] std::string dump_record_key(std::string_view label);
/// "dumps/LABEL/00002.dump", without suffix.
[[nodiscard]] std::string dump_key(std::string_view label, std::size_t number);
[[nodiscard]] std::string globals_key(std::string_view label);

[[nodiscard]] std::string to_json(const Dump& dump);
/// Malformed; Unsupported when written by a newer format.
[[nodiscard]] Result<Dump> parse_dump(std::string_view json);

/// Oldest first. A damaged record is an error that names it.
[[nodiscard]] Result<std::vector<Dump>> list_dumps(Store& store);
/// NotFound with the labels there are.
[[nodiscard]] Result<Dump> find_dump(Store& store, std::string_view label);

/// A run with its proofs, oldest proof first.
struct DumpStanding {
  Dump dump;
  Standing standing;
};
[[nodiscard]] Result<std::vector<DumpStanding>> list_dump_standings(Store& store);
Result<void> write_dump_proof(Store& store, std::string_view label, const Proof& proof);

}  // namespace pgkeel::archive
